import { type Html, html } from '@onbehalf/service-kit'
import { ssoPath } from '../paths.ts'
import type { Texts } from '../texts/texts.ts'
import type { ViewOf } from '../view.ts'

/** Where the organisation is typed whose single sign-on it is; `unknown` is what was typed before. */
export const organisation = (
  { unknown }: ViewOf<'organisation'>,
  { organisation: texts }: Texts
): Html => html`<h1>${texts.title}</h1>
<p>${texts.text}</p>
<form method="get" action="${ssoPath}">
<label for="tenant">${texts.label}</label>
${unknown === undefined ? '' : html`<p class="bad" id="fault">${texts.unknown}</p>`}
<input type="text" id="tenant" name="tenant" value="${unknown ?? ''}" pattern="[a-z0-9\\-]+" maxlength="64" required autofocus
 autocomplete="organization" autocapitalize="none" spellcheck="false" class="plain"
 ${unknown === undefined ? '' : html`aria-invalid="true" aria-describedby="fault"`}>
<button>${texts.go}</button>
</form>`
