/// <reference lib="dom" />
/** The colours of the pictures, from the page's style, so that they follow the light or dark scheme. */

export interface Palette {
  readonly ink: string
  readonly quiet: string
  readonly line: string
  readonly paper: string
  readonly stripe: string
  readonly band: string
  readonly bandEdge: string
  readonly mark: string
  readonly font: string
  /** By outcome: ok, rejected, unknown. */
  readonly outcomes: readonly string[]
}

export function readPalette(): Palette {
  const style = getComputedStyle(document.documentElement)
  const colour = (name: string): string => style.getPropertyValue(`--${name}`).trim()
  return {
    ink: colour('ink'),
    quiet: colour('quiet'),
    line: colour('line'),
    paper: colour('paper'),
    stripe: colour('stripe'),
    band: colour('band'),
    bandEdge: colour('band-edge'),
    mark: colour('mark'),
    font: getComputedStyle(document.body).fontFamily,
    outcomes: [colour('ok'), colour('fail'), colour('info')],
  }
}

/** Stripes for unknown outcomes, which look different from a full bar even without colour. */
export function stripes(
  context: CanvasRenderingContext2D,
  colour: string,
  ground: string,
): CanvasPattern | string {
  const tile = document.createElement('canvas')
  tile.width = 6
  tile.height = 6
  const pen = tile.getContext('2d')
  if (pen === null) return colour
  pen.fillStyle = ground
  pen.fillRect(0, 0, 6, 6)
  pen.strokeStyle = colour
  pen.lineWidth = 2.2
  pen.beginPath()
  for (const x of [-6, 0, 6]) {
    pen.moveTo(x - 1, 7)
    pen.lineTo(x + 7, -1)
  }
  pen.stroke()
  return context.createPattern(tile, 'repeat') ?? colour
}
