import { describe, expect, it } from 'vitest'
import {
  chooseSizes,
  isFilledBefore,
  type ScaleResult,
  scaleTable,
} from '../../src/bench/scale-plan.ts'
import { UsageError } from '../../src/command-line/usage-error.ts'

const ANY = { nodes: undefined, keys: undefined, valueBytes: undefined }

describe('the plan of bench:scale', () => {
  it('varies one number at a time', () => {
    const [base, ...others] = chooseSizes(ANY)
    expect(base).toEqual({ nodes: 3, keys: 10_000, valueBytes: 1024 })
    const differences = others.map(
      (size) =>
        Object.entries(size).filter(([what, number]) => ({ ...base })[what] !== number).length,
    )
    expect(differences).toEqual([1, 1, 1, 1, 1, 1, 1])
  })

  it('chooses the sizes that have the numbers asked for', () => {
    expect(chooseSizes({ ...ANY, nodes: [5, 9] }).map(({ nodes }) => nodes)).toEqual([5, 9])
    expect(chooseSizes({ ...ANY, keys: [1_000_000] })).toHaveLength(1)
    expect(chooseSizes({ nodes: [3], keys: [10_000], valueBytes: [1024] })).toHaveLength(1)
    expect(() => chooseSizes({ ...ANY, nodes: [4] })).toThrow(UsageError)
  })

  it('writes keys into databases only where every node owns all keys', () => {
    const filled = chooseSizes(ANY).filter(isFilledBefore)
    expect(filled.map(({ keys }) => keys)).toEqual([100_000, 1_000_000])
    expect(filled.every(({ nodes }) => nodes === 3)).toBe(true)
  })

  it('tells costs as multiples of those of the first size, if it was measured', () => {
    const [base, five] = chooseSizes(ANY).map((size, i): ScaleResult => ({
      size,
      cpuUs: {
        'put quorum': 200 * (i + 1),
        'get quorum': i === 0 ? 100 : undefined,
        'get eventual': 50,
      },
      putCounters: i === 0 ? { messages: 4.061, frames: 0.384, commits: 0.139 } : undefined,
      memoryBytes: 2 ** 27,
      bytesPerKey: i === 0 ? undefined : { memory: 200.4, disk: 1100.2 },
    })) as [ScaleResult, ScaleResult]
    const table = scaleTable([base, five]).replaceAll(/ +/g, ' ')
    expect(table).toContain(
      '| 3 | 10,000 | 1 KiB | 200 µs (1.00) | 100 µs (1.00) | 50 µs (1.00) | 4.06 | 0.38 | 0.14 | 128 MiB | | |',
    )
    expect(table).toContain(
      '| 5 | 10,000 | 1 KiB | 400 µs (2.00) | | 50 µs (1.00) | | | | 128 MiB | 200 B | 1100 B |',
    )
    expect(scaleTable([five]).replaceAll(/ +/g, ' ')).toContain('| 400 µs | | 50 µs |')
  })
})
