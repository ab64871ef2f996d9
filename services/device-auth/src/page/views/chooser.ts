import { type Html, html } from '@onbehalf/service-kit'
import { anotherCodePath, ssoPath } from '../paths.ts'
import type { Texts } from '../texts/texts.ts'
import type { ViewOf } from '../view.ts'

/** How somebody who is not signed in goes on. What the device is called is for people who are. */
export const chooser = (
  { user_code, accountPath, hasSso }: ViewOf<'chooser'>,
  { chooser: texts, anotherCode }: Texts
): Html => html`<h1 tabindex="-1" autofocus>${texts.title}</h1>
<p>${texts.text}</p>
<p class="code">${user_code}</p>
<div class="choices">
${hasSso ? withSso(texts, accountPath) : html`<a class="button" href="${accountPath}">${texts.only}</a>`}
</div>
<p class="other"><a href="${anotherCodePath}">${anotherCode}</a></p>`

const withSso = (texts: Texts['chooser'], accountPath: string): Html => html`<div>
<a class="button" href="${accountPath}" aria-describedby="member">${texts.member}</a>
<p class="note" id="member">${texts.memberNote}</p>
</div>
<div>
<a class="button" href="${ssoPath}" aria-describedby="sso">${texts.sso}</a>
<p class="note" id="sso">${texts.ssoNote}</p>
</div>`
