/** The file is no whole backup, so nothing of it is used. */
export class BackupRefused extends Error {
  constructor(why: string) {
    super(`The backup is refused: ${why}.`)
  }
}
