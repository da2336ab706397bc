/**
 * Decides what may be left of a message that was not answered. This is the one place that does: the outcome of a write
 * (*rejected* or *unknown*) follows from it.
 *
 *   no answer                          may it have been done?
 *   never sent                         no
 *   refused                            no, unless the disk failed during the write (code `failed`)
 *   sent, and the answer is missing    yes: it may be done, or still arrive
 */
import type { RefusalCode } from './messages.ts'

export type Effect = 'none' | 'unknown'

export function effectOfRefusal({ code }: { readonly code: RefusalCode }): Effect {
  return code === 'failed' ? 'unknown' : 'none'
}
