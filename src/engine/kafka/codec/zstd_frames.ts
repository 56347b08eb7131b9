/** Divides what zstd has compressed into its frames, which a decoder of the runtime takes one at a time. Decodes nothing. */

const FRAME_MAGIC = 0xfd2fb528;
/** 0x184d2a50 to 0x184d2a5f: a decoder passes over such a frame. */
const SKIPPABLE_MAGIC = 0x184d2a50;
const BLOCK_RLE = 1;
const dictionaryIdBytes = [0, 1, 2, 4] as const;
const contentSizeBytes = [0, 2, 4, 8] as const;

/**
 * The frames of data, in order, without those that are to be passed over (RFC 8878, section 3.1).
 *
 * @throws {RangeError} where a frame leaves the bytes, or what stands there is none
 */
export function zstdFrames(bytes: Uint8Array): Uint8Array[] {
  const frames: Uint8Array[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < bytes.length;) {
    const magic = view.getUint32(at, true);
    const isSkipped = (magic & 0xfffffff0) >>> 0 === SKIPPABLE_MAGIC;
    if (!isSkipped && magic !== FRAME_MAGIC) throw new RangeError(`no frame begins at byte ${at}`);
    const end = isSkipped ? at + 8 + view.getUint32(at + 4, true) : frameEnd(view, at);
    if (end > bytes.length) throw new RangeError(`the frame at byte ${at} ends at byte ${end}`);
    if (!isSkipped) frames.push(bytes.subarray(at, end));
    at = end;
  }
  return frames;
}

function frameEnd(view: DataView, start: number): number {
  const flags = view.getUint8(start + 4);
  const isSingleSegment = (flags & 0x20) !== 0;
  const sizeBytes = contentSizeBytes[flags >> 6] || (isSingleSegment ? 1 : 0);
  const windowBytes = isSingleSegment ? 0 : 1;
  let at = start + 5 + windowBytes + (dictionaryIdBytes[flags & 3] ?? 0) + sizeBytes;
  for (let isLast = false; !isLast;) {
    const header = view.getUint16(at, true) + view.getUint8(at + 2) * 2 ** 16;
    isLast = (header & 1) === 1;
    at += 3 + ((header >> 1 & 3) === BLOCK_RLE ? 1 : header >> 3);
  }
  const hasChecksum = (flags & 0x04) !== 0;
  return hasChecksum ? at + 4 : at;
}
