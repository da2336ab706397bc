/** Explains what each workload checks, for somebody who sees it for the first time. */

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
    'Clients move from node to node while the cluster is broken and healed, reading and writing. A client that has seen an effect must never afterwards see the state from before its cause, on any key, through any node.',
  session:
    'Clients move from node to node while the cluster is broken and healed. Each client must find its own writes, and must never see older values than it has read. Clients that read its later writes must also see what came before them.',
  'cas-register':
    'Clients read, write and compare-and-set shared values at the same time. All must look as if there were one copy and one operation at a time.',
  kv: 'Clients get, put and append to shared texts at the same time. All must look as if there were one copy and one operation at a time.',
}

const OTHERWISE =
  'Clients use the store while the cluster is broken and healed. Then all answers are compared with the promise.'
