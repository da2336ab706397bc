/** The command line is wrong, or asks for what is not there. Nothing was done. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}
