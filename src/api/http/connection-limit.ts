/**
 * How many connections of clients a node takes: as many as its open files allow, with half of these left for the
 * database and the peers. Idle clients must not take the descriptors that the disk needs to store anything.
 */
const CONNECTIONS_MAX = 10_000

/** Where the system tells no limit of open files, the largest. */
export function connectionsMax(): number {
  const report = process.report as typeof process.report & { excludeNetwork: boolean }
  // Else it looks up the names of all peers.
  report.excludeNetwork = true
  const { userLimits } = report.getReport() as {
    readonly userLimits?: { readonly open_files?: { readonly soft?: unknown } }
  }
  const openFilesMax = Number(userLimits?.open_files?.soft)
  return openFilesMax > 0
    ? Math.min(CONNECTIONS_MAX, Math.floor(openFilesMax / 2))
    : CONNECTIONS_MAX
}
