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
