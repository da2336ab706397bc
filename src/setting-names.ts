/**
 * Which of the variables named QUORATE_… are no settings, and which of those are most likely a setting with a typing
 * error. Others put such variables into the environment, too: Kubernetes one for each port of a service named quorate,
 * compose files and tests their own. These must not keep a node from starting; a misspelled setting must, because the
 * node would run with the default in its place.
 */
const PREFIX = 'QUORATE_'
/** Read by other commands of this project, or by docker-compose.yml. */
const OF_OTHERS = /^QUORATE_(ENDPOINTS|TEST_BROWSER|PEER_RANGE|N\d+_PORT)$/
/** In names this long two letters may be wrong, else one. */
const LONG_NAME = 6

export interface ForeignNames {
  /** What is no setting and looks like none. */
  readonly unknown: readonly string[]
  /** What is no setting, and the setting that was most likely meant. */
  readonly misspelled: { readonly name: string; readonly meant: string } | undefined
}

/** `settings`: all of them, without the prefix. */
export function foreignNames(names: readonly string[], settings: readonly string[]): ForeignNames {
  const unknown: string[] = []
  for (const name of names) {
    const given = name.slice(PREFIX.length)
    if (!name.startsWith(PREFIX) || OF_OTHERS.test(name) || settings.includes(given)) continue
    const meant = settings.find((setting) => isNear(given.toUpperCase(), setting))
    if (meant !== undefined) return { unknown, misspelled: { name, meant: PREFIX + meant } }
    unknown.push(name)
  }
  return { unknown, misspelled: undefined }
}

function isNear(given: string, setting: string): boolean {
  const wrongMax = setting.length >= LONG_NAME ? 2 : 1
  return Math.abs(given.length - setting.length) <= wrongMax && typos(given, setting) <= wrongMax
}

/** Letters that are missing, too many, wrong or swapped: the distance of optimal string alignment. */
function typos(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)]
  const at = (i: number, j: number): number => rows[i]?.[j] ?? 0
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    rows.push(row)
    for (let j = 1; j <= b.length; j++) {
      const wrong = at(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1)
      row[j] = Math.min(wrong, at(i - 1, j) + 1, at(i, j - 1) + 1)
      const isSwapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      if (isSwapped) row[j] = Math.min(at(i, j), at(i - 2, j - 2) + 1)
    }
  }
  return at(a.length, b.length)
}
