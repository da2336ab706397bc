/**
 * Entity tags of values: a hash of the siblings' dots. A dot names one write for ever, so equal tags mean the
 * same siblings; the values themselves need not be hashed.
 */
import type { Dot } from './dot.ts'
import { hashText } from '../hash/text-hash.ts'

/** Quoted, as it stands in the header; 64 bits of hash. `dots` are in their order. */
export function entityTag(dots: readonly Dot[]): string {
  let text = ''
  for (const dot of dots) text += `${dot.actor}@${dot.timestamp};`
  return `"${hex(hashText(text, 0))}${hex(hashText(text, 1))}"`
}

function hex(hash: number): string {
  return hash.toString(16).padStart(8, '0')
}

/** Whether an If-None-Match header names `tag`, by the weak comparison of RFC 9110 section 13.1.2. */
export function namesTag(header: string, tag: string): boolean {
  return header.split(',').some((part) => {
    const listed = part.trim()
    return listed === '*' || listed === tag || (listed.startsWith('W/') && listed.slice(2) === tag)
  })
}

/** Tags that one header may name. */
export const TAGS_MAX = 16

/** The tags that an If-Match or If-None-Match header names, for the strong comparison; undefined for anything else. */
export function parseTags(header: string): readonly string[] | '*' | undefined {
  if (header.trim() === '*') return '*'
  const tags = header.split(',').map((part) => part.trim())
  return tags.length <= TAGS_MAX && tags.every((tag) => TAG.test(tag)) ? tags : undefined
}

const TAG = /^(?:W\/)?"[\x21\x23-\x7e]*"$/
