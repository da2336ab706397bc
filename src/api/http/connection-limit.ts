/**
 * How many client connections a node accepts: half of its limit of open files. The other half is left for the
 * database and the peers, because idle clients must not use up the descriptors that storing a write needs.
 */
const CONNECTIONS_MAX = 10_000

/** CONNECTIONS_MAX if the system reports no limit of open files. */
export function connectionsMax(): number {
  const report = process.report as typeof process.report & { excludeNetwork: boolean }
  // Without this, the report would look up the host names of all connections.
  report.excludeNetwork = true
  const { userLimits } = report.getReport() as {
    readonly userLimits?: { readonly open_files?: { readonly soft?: unknown } }
  }
  const openFilesMax = Number(userLimits?.open_files?.soft)
  return openFilesMax > 0
    ? Math.min(CONNECTIONS_MAX, Math.floor(openFilesMax / 2))
    : CONNECTIONS_MAX
}
