/** Topologies for tests of the changes of the members. */
import { afterPhase } from '../../../src/core/placement/change-steps.ts'
import { firstTopology } from '../../../src/core/placement/first-topology.ts'
import type { Member, Topology } from '../../../src/core/placement/topology.ts'

/** `n1`, `n2`, …, each in a zone of its own unless one is named. */
export function memberNo(number: number, zone = `z${number}`): Member {
  return { id: `n${number}`, peerUrl: `http://n${number}:7080`, zone }
}

/** With one bucket for each of the copies named, `b1` with one copy, and so on. */
export function topologyOf(count: number, copies: readonly number[] = [1, 2, 3]): Topology {
  const topology = firstTopology(Array.from({ length: count }, (_, i) => memberNo(i + 1)))
  const [bucket] = topology.buckets
  const buckets = copies.flatMap((n) =>
    bucket === undefined ? [] : { ...bucket, name: `b${n}`, n },
  )
  return { ...topology, buckets }
}

/** The document after the change, and the removals that follow it. */
export function afterChange(topology: Topology): Topology {
  let now = topology
  // A change has three phases, and two removals are the most that follow one.
  for (let phase = 0; phase < 9 && now.change !== undefined; phase++) now = afterPhase(now)
  return now
}
