/**
 * Renders the templates of the chart, which keep to three of Helm's actions: `{{ .Values.path }}`,
 * `{{ toJson .Values.path }}`, and a `range` over a list whose items `{{ toJson . }}` writes. Any other action is
 * refused, because what it does would only be guessed here.
 */
import { parse } from 'yaml'
import { readFiles } from '../tidy/project-files.ts'
import { KUBERNETES, type KubernetesObject, parseObjects, readText } from './kubernetes-objects.ts'

const ACTION = /\{\{(.*?)\}\}/gs
const RANGE = /\s*\{\{- range \.Values\.(\w+) \}\}(.*?)\s*\{\{- end \}\}/gs
const ITEM = '{{ toJson . }}'
const VALUE = /^ (toJson )?\.Values((?:\.\w+)+) $/

/** The objects of the chart; `changed` are values that differ from values.yaml. */
export function renderChart(changed: object = {}): readonly KubernetesObject[] {
  const values = parse(readText(`${KUBERNETES}/chart/values.yaml`)) as object
  return readFiles(`${KUBERNETES}/chart/templates/*`).flatMap(({ text }) =>
    parseObjects(renderTemplate(text, { ...values, ...changed })),
  )
}

export function renderTemplate(template: string, values: unknown): string {
  const whole = template.replaceAll(RANGE, (_action, name: string, each: string) => {
    const items = (values as Record<string, readonly unknown[]>)[name]
    if (items === undefined) throw new Error(`${name} has no value in values.yaml`)
    return items.map((item) => each.replaceAll(ITEM, () => JSON.stringify(item))).join('')
  })
  return whole.replaceAll(ACTION, (action, inside: string) => {
    const [, toJson, path = ''] = VALUE.exec(inside) ?? []
    if (path === '') throw new Error(`this test cannot render ${action}`)
    const value = path
      .slice(1)
      .split('.')
      .reduce<unknown>(
        (found, name) => (found as Record<string, unknown> | undefined)?.[name],
        values,
      )
    if (value === undefined) throw new Error(`${action} has no value in values.yaml`)
    if (toJson !== undefined) return JSON.stringify(value)
    if (typeof value !== 'string' && typeof value !== 'number') {
      throw new Error(`${action} needs toJson`)
    }
    return String(value)
  })
}
