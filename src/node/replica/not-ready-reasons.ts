/** The messages of `not_ready` refusals: they say why the copies of a node do not count at the moment (arrival.ts). */
export const TOO_FEW_HAVE_TOLD =
  'this node has started, and a majority of the members has not yet confirmed that its data directory is the newest: retry; if this message persists, start more members or restore the network between them'

export const MAY_NOT_COUNT =
  "this node's data directory is not its newest, and too few owners have confirmed that they reject older processes of this node"

export const BEING_FILLED = 'the copies of this node are being filled'
