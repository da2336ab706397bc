import { describe, expect, test } from 'vitest'
import { html, jsonForScript } from '../../src/html/html.ts'

const STRANGE = `</script><script>alert("1")</script><!-- & '`

describe('html', () => {
  test('takes text as text', () => {
    expect(html`<p title="${STRANGE}">${STRANGE}</p>`.markup).not.toMatch(/<(?!\/?p)/)
    expect(html`<p>${`&"'`}</p>`.markup).toBe('<p>&amp;&quot;&#39;</p>')
  })

  test('takes markup as markup, and nothing for what is not there', () => {
    const parts = [html`<b>${'<'}</b>`, 'x', 3]

    expect(html`${parts}${undefined}${false}`.markup).toBe('<b>&lt;</b>x3')
  })
})

describe('JSON in a script element', () => {
  test('cannot end the element, and is still the same value', () => {
    const { markup } = jsonForScript({ [STRANGE]: [STRANGE, '\u2028\u2029'] })

    expect(markup).not.toMatch(/[<\u2028\u2029]/)
    expect(JSON.parse(markup)).toEqual({ [STRANGE]: [STRANGE, '\u2028\u2029'] })
  })
})
