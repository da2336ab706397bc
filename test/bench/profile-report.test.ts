import { describe, expect, it } from 'vitest'
import { type CpuProfile, printProfile, reportProfile } from '../../src/bench/profile-report.ts'

function frame(
  id: number,
  functionName: string,
  url: string,
  lineNumber: number,
  children: number[] = [],
) {
  return { id, callFrame: { functionName, url, lineNumber }, children }
}

/** One sample each millisecond: idle, commit, commit within itself, writev, a package, commit. */
const PROFILE: CpuProfile = {
  nodes: [
    frame(1, '(idle)', '', -1),
    frame(2, 'commit', 'file:///somewhere/src/node/storage/group-commit.ts', 59, [3, 4]),
    frame(3, 'commit', 'file:///somewhere/src/node/storage/group-commit.ts', 59, [5]),
    frame(4, 'writev', '', -1),
    frame(5, '', 'file:///somewhere/node_modules/@scope/thing/src/index.js', 4),
  ],
  startTime: 1_000_000,
  samples: [1, 2, 3, 4, 5, 2],
  timeDeltas: [0, 1000, 1000, 1000, 1000, 1000],
}

describe('profile report', () => {
  it('adds up the self time of a function over its callers, without the idle time', () => {
    const report = reportProfile(PROFILE, [{ fromUs: 0, toUs: 2_000_000 }])
    // The last sample has no end.
    expect(report.idleShare).toBeCloseTo(1 / 5)
    expect(report.functions).toEqual([
      { name: 'commit src/node/storage/group-commit.ts:60', share: 0.5 },
      { name: 'writev', share: 0.25 },
      { name: '(anonymous) node_modules/@scope/thing/src/index.js:5', share: 0.25 },
    ])
    expect(report.modules.map(({ name }) => name)).toEqual([
      'src/node',
      '(native)',
      'node_modules/@scope/thing',
    ])
    expect(printProfile(report, 1)).toEqual([
      ' modules, self time',
      '   50.0 %  src/node',
      ' functions, self time',
      '   50.0 %  commit src/node/storage/group-commit.ts:60',
      ' functions, with all that they called',
      '  100.0 %  commit src/node/storage/group-commit.ts:60',
    ])
    // Called by itself it counts once, and what is of Node.js itself counts for its callers alone.
    expect(report.totals.map(({ share }) => share)).toEqual([1, 0.25])
  })

  it('looks at the stretches that count alone', () => {
    const report = reportProfile(PROFILE, [
      { fromUs: 1_000_000, toUs: 1_001_000 },
      { fromUs: 1_003_000, toUs: 1_004_000 },
    ])
    expect(report.idleShare).toBeCloseTo(1 / 2)
    expect(report.functions).toEqual([{ name: 'writev', share: 1 }])
    expect(reportProfile(PROFILE, []).functions).toEqual([])
  })
})
