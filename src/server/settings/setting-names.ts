/**
 * Finds the variables named QUORATE_… that are no settings. Two kinds of them must end the start: a name that is most
 * likely a setting with a typing error, and a name that asks for a protection that this version does not have.
 * Otherwise the node would run without it, and nobody would notice.
 *
 * Other programs also set such variables: Kubernetes sets one for each port of a service named quorate, and compose
 * files and tests set their own. These must not prevent a start.
 */
const PREFIX = 'QUORATE_'
/**
 * Other commands of this project or docker-compose.yml read these. Kubernetes manifests use NODE_IP for the address
 * that they write into QUORATE_LISTEN.
 */
const OF_OTHERS =
  /^QUORATE_(ENDPOINTS|TOKEN|CA|CERT|KEY|TEST_BROWSER|PEER_RANGE|N\d+_PORT|NODE_IP)$/
/** Protections of a later version. It excludes the names that Kubernetes sets for a service named quorate-tls. */
const UNSUPPORTED = /^(PEER_)?TLS_(?!(SERVICE|PORT)(_|$)).+$/i
/** From this length on two letters may be wrong, below it one, because short names are close to other words. */
const LONG_NAME = 9
/** A shorter name is not compared, because it may be a word of its own, such as ONE beside ZONE. */
const NEAR_NAME_MIN = 4

export interface ForeignNames {
  /** Variables that are no settings and do not resemble one. */
  readonly unknown: readonly string[]
  /** A variable that asks for a protection that this version does not have. */
  readonly unsupported: string | undefined
  /** A variable that is no setting, and the setting that was most likely meant. */
  readonly misspelled: { readonly name: string; readonly meant: string } | undefined
}

/** `settings` lists all settings without the prefix. An empty variable asks for nothing. */
export function foreignNames(
  env: Readonly<Record<string, string | undefined>>,
  settings: readonly string[],
): ForeignNames {
  const unknown: string[] = []
  for (const name of Object.keys(env)) {
    const given = name.slice(PREFIX.length)
    if (!name.startsWith(PREFIX) || OF_OTHERS.test(name) || settings.includes(given)) continue
    if (UNSUPPORTED.test(given) && env[name] === '') continue
    const meant = settings.find((known) => isNear(given.toUpperCase(), known))
    if (meant !== undefined) {
      return { unknown, unsupported: undefined, misspelled: { name, meant: PREFIX + meant } }
    }
    if (UNSUPPORTED.test(given)) return { unknown, unsupported: name, misspelled: undefined }
    unknown.push(name)
  }
  return { unknown, unsupported: undefined, misspelled: undefined }
}

function isNear(given: string, setting: string): boolean {
  if (given.length < NEAR_NAME_MIN) return false
  const wrongMax = setting.length >= LONG_NAME ? 2 : 1
  return Math.abs(given.length - setting.length) <= wrongMax && typos(given, setting) <= wrongMax
}

/** The number of missing, extra, wrong or swapped letters: the optimal string alignment distance. */
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
