/** The settings that say who may ask a node. Half of a protection is refused: the node would run without it. */
import { SettingError } from './setting-syntax.ts'

/** The file of the root tokens; undefined if the node takes requests without tokens. */
export function rootTokenFile(auth: 'on' | 'off', file: string | undefined): string | undefined {
  if (auth === 'on' && file === undefined) {
    throw new SettingError(
      'QUORATE_AUTH=on needs QUORATE_ROOT_TOKEN_FILE: without it nobody could make the first token',
    )
  }
  if (auth === 'off' && file !== undefined) {
    throw new SettingError(
      'QUORATE_ROOT_TOKEN_FILE is set, and QUORATE_AUTH is not on: the node would take requests without tokens',
    )
  }
  return file
}

/** How many requests are taken; 0 for no limit. */
export interface RequestLimitSettings {
  readonly tokenPerSecond: number
  readonly tokenInFlight: number
  /** By address. */
  readonly strangerPerSecond: number
}

/** Without tokens, nobody could be held to a limit of tokens. */
export function requestLimits(
  auth: 'on' | 'off',
  limits: RequestLimitSettings,
): RequestLimitSettings {
  if (auth === 'on' || (limits.tokenPerSecond === 0 && limits.tokenInFlight === 0)) return limits
  throw new SettingError(
    'QUORATE_TOKEN_REQUESTS_PER_SECOND and QUORATE_TOKEN_INFLIGHT_REQUESTS need QUORATE_AUTH=on: a node that asks for no tokens cannot count by token',
  )
}
