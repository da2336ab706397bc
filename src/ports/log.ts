/**
 * Structured log lines. They tell what happened, to which node or key, and how long it took, but never a client's
 * value.
 */
export interface Log {
  debug(fields: LogFields, message: string): void
  info(fields: LogFields, message: string): void
  warn(fields: LogFields, message: string): void
  error(fields: LogFields, message: string): void
}

export type LogFields = Readonly<
  Record<string, string | number | boolean | null | undefined | readonly string[]>
>
