/** Colours of the output. They add nothing to the text, so output without colours is complete. */
import { styleText } from 'node:util'

export type Style = 'good' | 'bad' | 'doubtful' | 'head' | 'dim'

const FORMATS: Readonly<Record<Style, Parameters<typeof styleText>[0]>> = {
  good: 'green',
  bad: ['bold', 'red'],
  doubtful: 'yellow',
  head: 'bold',
  dim: 'dim',
}

export function styled(isColoured: boolean, style: Style | undefined, text: string): string {
  if (!isColoured || style === undefined) return text
  // `isColoured` decides, not Node.
  return styleText(FORMATS[style], text, { validateStream: false })
}

/** Whether a stream gets colours: only a terminal does, unless the environment says otherwise (no-color.org). */
export function wantsColours(
  env: Readonly<Record<string, string | undefined>>,
  isTerminal: boolean,
): boolean {
  const forced = env['FORCE_COLOR']
  if (env['NO_COLOR']) return false
  if (forced !== undefined && forced !== '') return forced !== '0' && forced !== 'false'
  return isTerminal && env['TERM'] !== 'dumb'
}
