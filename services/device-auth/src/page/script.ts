import { codeLetters } from '../device-code/user-code.ts'

/**
 * All that runs in the browser, for comfort: the code is shown as `XXXX-XXXX` while it is typed or pasted, what is in no
 * code is left out and said, and a form is sent once. Without it the page does the same work.
 */
export const script = `'use strict'
const letters = '${codeLetters}'
const field = document.getElementById('user_code')
const note = document.getElementById('note')

const read = (text) => text.normalize('NFKC').toUpperCase().replace(/[\\s\\p{Pd}]/gu, '')
const kept = (text) => [...read(text)].filter((letter) => letters.includes(letter)).slice(0, 8).join('')
const shown = (code) => (code.length > 4 ? code.slice(0, 4) + '-' + code.slice(4) : code)

const format = () => {
  const { value, selectionStart } = field
  const isAtEnd = selectionStart === value.length
  const before = shown(kept(value.slice(0, selectionStart)))
  field.value = shown(kept(value))
  if (!isAtEnd) field.setSelectionRange(before.length, before.length)
  const isLeftOut = [...read(value)].some((letter) => !letters.includes(letter))
  const said = isLeftOut ? note.dataset.notInCodes : ''
  if (note.textContent !== said) note.textContent = said
}

if (field && note) {
  // An input method is still composing: it would lose what it is about.
  field.addEventListener('input', (event) => event.isComposing || format())
  field.addEventListener('compositionend', format)
}

let isSent = false
document.addEventListener('submit', (event) => {
  if (isSent) event.preventDefault()
  isSent = true
})
addEventListener('pageshow', () => {
  isSent = false
})
`
