/** Who the pipeline is on the torture's cluster: a user whose permissions can be taken away, while all others may do anything. */

/** The pipeline's user. The password is its name. */
export const pipelineUser = "pipeline";

/** Of brokers and controllers. What no rule speaks of is allowed to everybody. */
export const authorizerSettings: Readonly<Record<string, string>> = {
  "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
  "allow.everyone.if.no.acl.found": "true",
  // Whoever comes by a listener that asks nobody: brokers, controllers, tools and checkers.
  "super.users": "User:ANONYMOUS",
};

/** Of brokers: that listener asks who comes. */
export function loginSettings(listener: string): Readonly<Record<string, string>> {
  const login = "org.apache.kafka.common.security.plain.PlainLoginModule";
  return {
    "sasl.enabled.mechanisms": "PLAIN",
    [`listener.name.${listener.toLowerCase()}.plain.sasl.jaas.config`]:
      `${login} required user_${pipelineUser}="${pipelineUser}";`,
  };
}
