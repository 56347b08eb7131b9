/** Says whether a client could operate the pipeline at this moment, and if not, why. It does nothing. */
import { type Admit } from "./access.ts";
import { askOperator } from "./forward_operate.ts";
import { standingPath } from "./operate_routes.ts";
import { type Problem, ProblemError, problemOf } from "./problem.ts";

/** The answer. */
export interface MayOperate {
  readonly may: boolean;
  /** Why not: what the client would be told if it tried. */
  readonly problem: Problem | null;
}

const answerMsMax = 3_000;

/** Asks the process that operates, with the client's own token, once the token says that it may. */
export function mayOperate(
  admit: Admit,
  operateUrl: string,
): (authorization: string | undefined) => Promise<MayOperate> {
  return async (authorization = "") => {
    try {
      admit(authorization, "operate");
      const answer = await askOperator(operateUrl, standingPath, {
        headers: { authorization },
        answerMsMax,
      });
      await answer.body?.cancel();
      if (answer.ok) return { may: true, problem: null };
      return { may: false, problem: refused(answer.status) };
    } catch (error) {
      if (error instanceof ProblemError) return { may: false, problem: error.problem };
      throw error;
    }
  };
}

/** `serve` has taken the token, and the other process has not. */
function refused(status: number): Problem {
  return problemOf(503, "no-operator", `The process that operates the pipeline answers ${status}`, {
    detail: "Give it the same API_TOKENS as serve, and the same version",
  });
}
