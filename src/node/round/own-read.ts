/** Reads this node's own copy where another owner's copy would do as well. */
import type { Deadline, Deadlines } from '../peers/deadlines.ts'
import type { Location, Replica } from '../replica/replica.ts'
import type { Copy } from '../wire/object-record.ts'

/** A copy that is not in memory is waited for this long: the disk may be slow, or stall. */
const OWN_READ_MS = 75

/** Calls `done` once, with undefined if the copy cannot be read soon. Then the other owners have to be asked. */
export function readOwnSoon(
  { replica, deadlines }: { readonly replica: Replica; readonly deadlines: Deadlines },
  at: Location,
  done: (copy: Copy | undefined) => void,
): void {
  let isOver = false
  let wait: Deadline | undefined
  const end = (copy: Copy | undefined): void => {
    if (isOver) return
    isOver = true
    if (wait !== undefined) deadlines.cancel(wait)
    done(copy)
  }
  replica.read(at, end)
  if (!isOver) wait = deadlines.in(OWN_READ_MS, () => end(undefined))
}
