/**
 * Answers a node that asks to join (adapters/peer-network/join-request.ts). The cluster decides the change of the
 * members, and the answer is the topology document that includes the new node. A node that is already a member gets the
 * present document.
 */
import { changeRequest, memberOf } from '../api/cluster/change-request.ts'
import { QuorateError } from '../core/errors.ts'
import type { Member, Topology } from '../core/placement/topology.ts'
import type { NodeService } from '../node/service/service.ts'
import { encodeTopology } from '../node/topology/topology-document.ts'

/** Bounds the decision. The asking node waits longer. */
const DECIDE_TIMEOUT_MS = 5000

export interface Admission {
  /** 200: `text` is JSON. 409 and 503: ask again later. Any other status is final, and `text` says why. */
  readonly status: number
  readonly text: string
}

/** `asked` comes unchecked from the network. */
export async function admitMember(
  service: NodeService,
  asked: Readonly<Record<string, unknown>>,
): Promise<Admission> {
  try {
    const { replaces, ...fields } = asked
    const member = memberOf('the node', fields, [])
    const { members } = service.topology()
    const { nodeId } = service
    // Its document may lack what only members may know (node/topology/removal.ts).
    if (!members.some(({ id }) => id === nodeId)) {
      return { status: 503, text: `${nodeId} is no longer a member: ask another node` }
    }
    const known = members.find(({ id }) => id === member.id)
    if (known === undefined) return welcome(await admit(service, member, replaces))
    if (known.peerUrl === member.peerUrl) return welcome(service.topology())
    const text = `${known.id} is a member already, at ${known.peerUrl}: another node needs another id`
    return { status: 403, text }
  } catch (error) {
    if (!(error instanceof QuorateError)) throw error
    return { status: statusOf(error), text: error.message }
  }
}

async function admit(service: NodeService, member: Member, replaces: unknown): Promise<Topology> {
  if (replaces === undefined) {
    return service.applyChange({ kind: 'join', member }, DECIDE_TIMEOUT_MS)
  }
  // Parse it like a client's request. It never says `lost`, so the cluster waits for the old node: only a person can
  // say that a disk is lost.
  const request = changeRequest({ replace: { old: replaces, new: { ...member } } }, [])
  return service.applyChange(request, DECIDE_TIMEOUT_MS)
}

function welcome(topology: Topology): Admission {
  return { status: 200, text: JSON.stringify({ document: encodeTopology(topology) }) }
}

/** An unknown outcome is 503, because the node asks again and then finds whether the change was decided. */
function statusOf({ code, kind }: QuorateError): number {
  if (code === 'change_under_way') return 409
  if (kind.status >= 500) return 503
  return kind.status === 409 ? 403 : 400
}
