/** What a learner does in each step of each lesson. */

export type LearnerStep =
  /** Presses the button with that name. */
  | { readonly press: string; readonly nth?: number }
  | { readonly speed: string; readonly nth?: undefined }
  /** Fills in the form of a client, and presses one of its buttons. */
  | {
      readonly client: 1 | 2 | 3
      readonly node?: string
      readonly level?: string
      readonly value?: string
      readonly context?: boolean
      readonly ifUnchanged?: boolean
      /** Whether to go on before the answer has come. */
      readonly isPending?: true
      readonly do?: 'put' | 'get' | 'delete'
      readonly nth?: undefined
    }

/** A run with requests and faults that ends while time stands still. */
export const SOME_DEEDS: readonly LearnerStep[] = [
  { press: 'Play' },
  { client: 1, value: 'apple', do: 'put' },
  { press: 'n3' },
  { press: 'Clock 0.3 s ahead' },
  { press: 'Kill n3' },
  { press: 'Partition n1, n2 | n3, n4, n5' },
  { client: 2, level: 'eventual', value: 'bread', do: 'put' },
  { press: 'Pause' },
]

/** By the id of the lesson. */
export const LEARNERS: Readonly<Record<string, readonly (readonly LearnerStep[])[]>> = {
  1: [
    [{ client: 1, value: 'apple', do: 'put' }],
    [{ press: 'n3' }, { press: 'Kill n3' }],
    [{ client: 1, do: 'get' }],
    [{ client: 1, value: 'bread', do: 'put' }],
    [{ press: 'Start n3' }],
  ],
  2: [
    [{ client: 1, value: 'apple', do: 'put' }],
    [{ press: 'n1' }, { press: 'Cut all links of n1' }],
    [
      { client: 1, level: 'eventual', value: 'bread', do: 'put' },
      { client: 2, level: 'eventual', value: 'cheese', do: 'put' },
    ],
    [{ press: 'Heal all cuts' }],
    [{ client: 2, level: 'quorum', do: 'get' }],
  ],
  3: [
    [{ client: 1, value: '10', do: 'put' }],
    [{ press: 'n1' }, { press: 'Cut all links of n1' }],
    [{ client: 2, value: '12', do: 'put' }],
    [{ client: 1, do: 'get' }],
    [{ client: 1, level: 'eventual', do: 'get' }],
  ],
  4: [
    [{ client: 1, value: '10', do: 'put' }],
    [{ client: 2, do: 'get' }],
    [{ press: 'n1' }, { press: 'Cut all links of n1' }],
    [{ client: 2, level: 'causal', value: '12', do: 'put' }],
    [{ client: 2, node: 'n1', level: 'eventual', do: 'get' }],
    [{ client: 2, level: 'causal', do: 'get' }],
    [{ press: 'Heal all cuts' }, { client: 2, do: 'get' }],
  ],
  5: [
    [{ press: 'n1' }, { press: 'Cut all links of n1' }],
    [{ client: 1, level: 'eventual', value: 'apple', do: 'put' }],
    [{ press: 'Wipe n1' }],
    [{ press: 'Start n1' }, { press: 'Heal all cuts' }],
    [{ client: 2, level: 'quorum', do: 'get' }],
  ],
  6: [
    [{ press: 'n3' }, { press: 'Cut all links of n3' }],
    [
      { client: 1, do: 'put' },
      { client: 2, do: 'get' },
    ],
    [{ press: 'answer' }, { client: 2, do: 'put' }, { client: 3, do: 'get' }],
    [{ client: 3, node: 'n3', level: 'eventual' }, { press: 'question' }, { client: 3, do: 'get' }],
    [{ client: 3, level: 'causal', do: 'get' }],
    [{ press: 'Heal all cuts' }, { client: 3, do: 'get' }],
  ],
  7: [
    [{ press: 'n1' }, { press: 'Clock 0.3 s ahead' }],
    [{ speed: '0.01' }, { client: 1, value: '10', do: 'put' }],
    [{ client: 2, value: '12', do: 'put' }],
    [{ client: 2, node: 'n1', do: 'get' }],
  ],
  8: [
    [
      { client: 1, value: 'apple', context: true, do: 'put' },
      { client: 2, value: 'bread', context: true, do: 'put' },
    ],
    [{ client: 1, do: 'get' }],
    [{ client: 1, value: 'apple and bread', do: 'put' }],
    [{ client: 2, value: 'cheese', do: 'put' }],
  ],
  9: [
    [
      { press: 'Pause' },
      { client: 1, do: 'put', isPending: true },
      { client: 2, do: 'put', isPending: true },
    ],
    [{ speed: '0.01' }, { press: 'Play' }],
    [{ speed: '1' }, { press: 'n1' }, { press: 'Cut all links of n1' }, { client: 1, do: 'get' }],
    [{ client: 2, do: 'get' }],
  ],
  10: [
    [{ client: 1, value: 'apple', do: 'put' }],
    [{ press: 'n3' }, { press: 'Pause n3' }],
    [{ client: 1, value: 'bread', do: 'put' }],
    [{ press: 'Continue n3' }],
    [{ client: 2, node: 'n3', do: 'get' }],
  ],
  11: [
    [{ client: 1, level: 'all', value: 'apple', do: 'put' }],
    [{ press: 'n3' }, { press: 'Kill n3' }],
    [{ client: 1, level: 'quorum', do: 'delete' }],
    [{ press: 'Start n3' }],
    [{ client: 2, do: 'get' }],
  ],
  '12a': [
    [
      { client: 1, context: true, do: 'put' },
      { client: 2, context: true },
    ],
    [{ press: 'n1' }, { press: 'Cut all links of n1' }],
    [
      { client: 1, level: 'eventual', value: 'book, mug', do: 'put' },
      { client: 2, do: 'get' },
      { client: 2, do: 'put' },
    ],
    [{ press: 'Heal all cuts' }],
    [
      { client: 2, do: 'get' },
      { client: 2, value: 'mug, book, pen, ink', do: 'put' },
    ],
  ],
  '12b': [
    [{ client: 1, do: 'put' }],
    [{ press: 'Cut the power of zone 1' }],
    [
      { client: 2, do: 'put' },
      { client: 2, do: 'get' },
    ],
    [{ press: 'Start zone 1' }],
    [{ press: 'n1' }, { press: 'Kill n1' }, { press: 'n3' }, { press: 'Kill n3' }],
  ],
  '12c': [
    [{ client: 1, do: 'put' }],
    [
      { client: 2, do: 'get' },
      { client: 2, do: 'put' },
    ],
    [{ press: 'report' }, { client: 2, value: '2 by B', do: 'put' }],
    [{ client: 1, value: '1 by A', ifUnchanged: false, do: 'put' }],
    [
      { client: 2, do: 'get' },
      { client: 2, value: '2 by B again', do: 'put' },
    ],
    [{ client: 1, value: '1 by A again', ifUnchanged: true, do: 'put' }],
  ],
}
