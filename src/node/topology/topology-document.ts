/** A topology as text. It is voted on, sent and stored in this form. */
import type { Topology } from '../../core/placement/topology.ts'
import { chooseVoters } from '../../core/placement/voters.ts'

export type Document = string

type DocumentFields = Omit<Topology, 'placementVersion' | 'voters'> & {
  readonly placedAt?: number
  readonly voters?: readonly string[]
}

/** The document of each topology. Written once, because peers ask for it again and again. */
const written = new WeakMap<Topology, Document>()

/** The document keeps the field name of earlier releases, so that nodes of both releases read it. */
export function encodeTopology(topology: Topology): Document {
  let document = written.get(topology)
  if (document === undefined) {
    const { placementVersion, ...fields } = topology
    document = JSON.stringify({ ...fields, placedAt: placementVersion })
    written.set(topology, document)
  }
  return document
}

/** Throws unless `document` comes from `encodeTopology`. */
export function parseTopology(document: string): Topology {
  const { placedAt, ...fields } = JSON.parse(document) as DocumentFields
  // A document without these two fields is from a version in which every member voted and owners never changed.
  const voters = fields.voters ?? chooseVoters(fields.members)
  const topology: Topology = { ...fields, voters, placementVersion: placedAt ?? 1 }
  const isWhole =
    Number.isSafeInteger(topology.epoch) &&
    typeof topology.clusterId === 'string' &&
    (topology.identity === undefined || typeof topology.identity === 'string') &&
    [topology.members, topology.preference, topology.buckets, topology.tokens ?? []].every(
      Array.isArray,
    )
  if (!isWhole) throw new Error('not a topology document')
  return topology
}
