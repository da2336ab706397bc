/** What each workload checks, in words for somebody who sees it for the first time. */

export function explanationOf(workload: string, model: string): string {
  return EXPLANATIONS[workload] ?? EXPLANATIONS[model] ?? OTHERWISE
}

const EXPLANATIONS: Readonly<Record<string, string>> = {
  set: 'Clients add numbers to shared sets while the cluster is broken and healed. In the end every number whose add was acknowledged must still be there, on every node.',
  siblings:
    'Clients write unique values over each other, sometimes at the same moment on both sides of a cut. A value may disappear only where a later write was told to replace it; values written without knowledge of each other must all be kept.',
  counter:
    'Clients count up and down on shared counters while the cluster is broken and healed. In the end every node must show the sum of all that was acknowledged.',
  delete:
    'Clients write and delete the same keys over and over while the cluster is broken and healed. What was deleted must not come back, and nothing else may disappear.',
  register:
    'Clients read and write shared values at the same time. All must look as if there were one copy and one operation at a time: once a write was acknowledged, nobody may read what it replaced.',
  causal:
    'Clients wander from node to node while the cluster is broken and healed, reading and writing. Whoever has seen an effect must never afterwards see the state from before its cause, on any key, through any node.',
  session:
    'Clients wander from node to node while the cluster is broken and healed. Each must find what it wrote itself, never go back behind what it has read, and so must those who read what it wrote afterwards.',
  'cas-register':
    'Clients read, write and compare-and-set shared values at the same time. All must look as if there were one copy and one operation at a time.',
  kv: 'Clients get, put and append to shared texts at the same time. All must look as if there were one copy and one operation at a time.',
}

const OTHERWISE =
  'Clients use the store while the cluster is broken and healed; then all that they were told is compared with what was promised.'
