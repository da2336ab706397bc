/**
 * Entity tags of values: a hash of the siblings' dots. A dot names one write for ever, so equal tags mean the
 * same siblings; the values themselves need not be hashed.
 */
import { hash } from 'node:crypto'
import type { Dot } from '../core/causality/dot.ts'

/** 126 bits: two tags of different siblings do not meet by chance. */
const TAG_CHARACTERS = 21

/** Quoted, as it stands in the header. `dots` are in their order. */
export function entityTag(dots: readonly Dot[]): string {
  let text = ''
  for (const dot of dots) text += `${dot.actor}@${dot.timestamp};`
  return `"${hash('sha256', text, 'base64url').slice(0, TAG_CHARACTERS)}"`
}

/** Whether an If-None-Match header names `tag`, by the weak comparison of RFC 9110 section 13.1.2. */
export function namesTag(header: string, tag: string): boolean {
  return header.split(',').some((part) => {
    const listed = part.trim()
    return listed === '*' || listed === tag || (listed.startsWith('W/') && listed.slice(2) === tag)
  })
}
