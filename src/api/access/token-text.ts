/**
 * The text of a token: what a client sends. It has 256 random bits, so nobody guesses one, and a fast hash is enough to
 * store it. The beginning lets programs that search for leaked secrets recognise it.
 */
import { hash, randomBytes } from 'node:crypto'

const BEGINNING = 'quorate_'
const RANDOM_BYTES = 32
/** What may follow `Bearer` (RFC 6750, section 2.1), with a bound. */
const BEARER = /^bearer +([\w.~+/-]{1,512}=*) *$/i
/** A shorter root token could be guessed. */
export const ROOT_CHARACTERS_MIN = 32
const ROOT_TEXT = /^[\w.~+/-]{32,512}={0,2}$/

export function newTokenText(): string {
  return BEGINNING + randomBytes(RANDOM_BYTES).toString('base64url')
}

/** The SHA-256 hash in hex, as it is stored. */
export function hashOfText(text: string): string {
  return hash('sha256', text, 'hex')
}

/** The text in an Authorization header; undefined if there is none. */
export function textInHeader(header: string): string | undefined {
  return BEARER.exec(header)?.[1]
}

/** Whether an operator may use the text as a root token. */
export function isRootText(text: string): boolean {
  return ROOT_TEXT.test(text)
}
