import { type Html, html } from '@onbehalf/service-kit'
import type { Texts } from '../texts/texts.ts'
import type { ViewOf } from '../view.ts'

/** Where the code is typed; what was typed before stays, when it was no code. */
export const codeEntry = (
  { malformed }: ViewOf<'code_entry'>,
  { codeEntry: texts }: Texts
): Html => html`<h1>${texts.title}</h1>
<p>${texts.text}</p>
<form method="post" action="/device/continue">
<label for="user_code">${texts.label}</label>
${malformed === undefined ? '' : html`<p class="bad" id="fault">${texts.malformed}</p>`}
<input type="text" id="user_code" name="user_code" value="${malformed ?? ''}" placeholder="ABCD-3456" maxlength="64"
 required autofocus autocomplete="off" autocapitalize="characters" spellcheck="false"
 ${malformed === undefined ? html`aria-describedby="form"` : html`aria-invalid="true" aria-describedby="fault form"`}>
<p class="note"><span id="form">${texts.form}</span>
<span id="note" role="status" data-not-in-codes="${texts.notInCodes}"></span></p>
<button>${texts.go}</button>
</form>`
