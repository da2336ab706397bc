/** Why the copies of a node do not count at a moment (arrival.ts): the words of its refusals `not_ready`. */
export const TOO_FEW_HAVE_TOLD =
  'this node has started, and a majority of the members has not yet confirmed that its data directory is the newest: retry, and if it does not end, start more members or restore the network between them'

export const MAY_NOT_COUNT =
  "this node's data directory is not its newest, and too few owners have confirmed that they reject older processes of this node"

export const BEING_FILLED = 'the copies of this node are being filled'
