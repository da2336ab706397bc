/**
 * The bodies that show siblings side by side: a JSON list, or multipart/mixed with the raw values. Siblings together
 * may have many megabytes, so a body is produced in pieces, each only when it can be sent. The id of a sibling is its
 * dot, so it is the same on every node as long as the sibling exists.
 */
import { isUtf8 } from 'node:buffer'
import { randomBytes } from 'node:crypto'
import { nodeOfActor } from '../../core/causality/dot.ts'
import { wallMsOf } from '../../core/causality/hybrid-clock.ts'
import type { Sibling } from '../../core/causality/sibling.ts'

export interface SiblingBody {
  readonly contentType: string
  readonly pieces: Iterable<string | Uint8Array>
}

/** A multiple of 3, so that the base64 of the pieces can be concatenated. */
const PIECE_BYTES = 49_152
const CRLF = '\r\n'

/** Uses only characters that need no encoding in a query string. */
export function siblingId({ actor, timestamp }: Sibling): string {
  return `${actor}.${timestamp.toString(36)}`
}

export function siblingList(siblings: readonly Sibling[]): SiblingBody {
  return { contentType: 'application/json', pieces: listPieces(siblings) }
}

export function siblingParts(siblings: readonly Sibling[]): SiblingBody {
  // A client could not know these random bytes when it wrote its value, so no value contains them.
  const boundary = randomBytes(16).toString('hex')
  return {
    contentType: `multipart/mixed; boundary=${boundary}`,
    pieces: partPieces(siblings, boundary),
  }
}

function* listPieces(siblings: readonly Sibling[]): Iterable<string> {
  let before = '{"siblings":['
  for (const sibling of siblings) {
    const head = JSON.stringify({
      id: siblingId(sibling),
      contentType: sibling.contentType,
      size: sibling.value.byteLength,
      node: nodeOfActor(sibling.actor),
      time: new Date(wallMsOf(sibling.timestamp)).toISOString(),
    })
    const isText = isUtf8(sibling.value)
    yield `${before}${head.slice(0, -1)},"${isText ? 'value' : 'valueBase64'}":"`
    yield* isText ? textPieces(sibling.value) : base64Pieces(sibling.value)
    before = '"},'
  }
  yield '"}]}\n'
}

/** The text between the quotes of a JSON string, piece by piece. */
function* textPieces(value: Uint8Array): Iterable<string> {
  // The decoder keeps an incomplete character for the next piece.
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  for (const piece of piecesOf(value)) {
    yield JSON.stringify(decoder.decode(piece, { stream: true })).slice(1, -1)
  }
}

function* base64Pieces(value: Uint8Array): Iterable<string> {
  for (const { buffer, byteOffset, byteLength } of piecesOf(value)) {
    yield Buffer.from(buffer, byteOffset, byteLength).toString('base64')
  }
}

function* partPieces(
  siblings: readonly Sibling[],
  boundary: string,
): Iterable<string | Uint8Array> {
  for (const sibling of siblings) {
    const head = [
      `--${boundary}`,
      `Content-Type: ${sibling.contentType}`,
      `Content-Length: ${sibling.value.byteLength}`,
      `Content-ID: <${siblingId(sibling)}>`,
      `Last-Modified: ${new Date(wallMsOf(sibling.timestamp)).toUTCString()}`,
      '',
      '',
    ]
    yield Buffer.from(head.join(CRLF), 'latin1')
    yield* piecesOf(sibling.value)
    yield CRLF
  }
  yield `--${boundary}--${CRLF}`
}

function* piecesOf(value: Uint8Array): Iterable<Uint8Array> {
  for (let start = 0; start < value.byteLength; start += PIECE_BYTES) {
    yield value.subarray(start, start + PIECE_BYTES)
  }
}
