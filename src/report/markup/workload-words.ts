/** Explains what each workload checks, for somebody who sees it for the first time. */

export function explanationOf(workload: string, model: string): string {
  return EXPLANATIONS[workload] ?? EXPLANATIONS[model] ?? OTHERWISE
}

const EXPLANATIONS: Readonly<Record<string, string>> = {
  set: 'Clients add numbers to shared sets while faults break and heal the cluster. At the end, every node must return every number whose add was acknowledged.',
  siblings:
    'Clients overwrite each other’s values, sometimes at the same moment on both sides of a partition. A value may disappear only if a write whose client had seen it replaced it. The store must keep all concurrent values.',
  counter:
    'Clients increment and decrement shared counters while faults break and heal the cluster. At the end, every node must return the sum of all acknowledged adds.',
  delete:
    'Clients write and delete the same keys over and over while faults break and heal the cluster. A deleted value must not come back, and no other value may disappear.',
  register:
    'Many clients read and write the same keys at the same time. The store must behave as if it had one copy and did one operation at a time. After a write is acknowledged, no client may read the value that it replaced.',
  causal:
    'Clients read and write while they move from node to node, and faults break and heal the cluster. Once a client has seen an effect, it must also see the cause, on every key and through every node.',
  session:
    'Clients move from node to node while faults break and heal the cluster. Each client must see its own writes, and must never read an older value than before. A client that sees another client’s write must also see what that client wrote and read before it.',
  'cas-register':
    'Many clients read, write and compare-and-set the same keys at the same time. The store must behave as if it had one copy and did one operation at a time.',
  kv: 'Many clients get, put and append to the same keys at the same time. The store must behave as if it had one copy and did one operation at a time.',
}

const OTHERWISE =
  'Clients use the store while faults break and heal the cluster. Then the check compares all answers with the promise.'
