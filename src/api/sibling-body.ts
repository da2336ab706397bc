/**
 * The bodies that show siblings side by side: a JSON list, or multipart/mixed with each value as it is.
 * The id of a sibling is its dot, so it stays the same on every node for as long as the sibling is there.
 */
import { createHash } from 'node:crypto'
import { nodeOfActor } from '../core/causality/dot.ts'
import { wallMsOf } from '../core/causality/hybrid-clock.ts'
import type { Sibling } from '../core/causality/stored-object.ts'

export interface SiblingBody {
  readonly contentType: string
  readonly bytes: Buffer
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const CRLF = '\r\n'

/** Characters that a query string needs no encoding for. */
export function siblingId({ actor, timestamp }: Sibling): string {
  return `${actor}.${timestamp.toString(36)}`
}

export function siblingList(siblings: readonly Sibling[]): SiblingBody {
  const list = siblings.map((sibling) => ({
    id: siblingId(sibling),
    contentType: sibling.contentType,
    size: sibling.value.byteLength,
    node: nodeOfActor(sibling.actor),
    time: new Date(wallMsOf(sibling.timestamp)).toISOString(),
    ...valueMember(sibling.value),
  }))
  return {
    contentType: 'application/json',
    bytes: Buffer.from(`${JSON.stringify({ siblings: list })}\n`),
  }
}

export function siblingParts(siblings: readonly Sibling[]): SiblingBody {
  const boundary = boundaryOf(siblings)
  const pieces: Uint8Array[] = []
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
    pieces.push(Buffer.from(head.join(CRLF), 'latin1'), sibling.value, Buffer.from(CRLF))
  }
  pieces.push(Buffer.from(`--${boundary}--${CRLF}`))
  return {
    contentType: `multipart/mixed; boundary=${boundary}`,
    bytes: Buffer.concat(pieces),
  }
}

function valueMember(value: Uint8Array): { value: string } | { valueBase64: string } {
  try {
    return { value: UTF8.decode(value) }
  } catch {
    return { valueBase64: Buffer.from(value).toString('base64') }
  }
}

/** A text that is in none of the values, because it depends on all of them: a hash, tried until it is absent. */
function boundaryOf(siblings: readonly Sibling[]): string {
  const hash = createHash('sha256')
  for (const { value } of siblings) hash.update(value)
  let boundary = hash.digest('hex').slice(0, 32)
  while (siblings.some(({ value }) => Buffer.from(value).includes(boundary))) {
    boundary = createHash('sha256').update(boundary).digest('hex').slice(0, 32)
  }
  return boundary
}
