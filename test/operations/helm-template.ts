/**
 * Renders the templates of the chart, which keep to two of Helm's actions: `{{ .Values.path }}` and
 * `{{ toJson .Values.path }}`. Any other action is refused, because what it does would only be guessed here.
 */
const ACTION = /\{\{(.*?)\}\}/gs
const VALUE = /^ (toJson )?\.Values((?:\.\w+)+) $/

export function renderTemplate(template: string, values: unknown): string {
  return template.replaceAll(ACTION, (action, inside: string) => {
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
