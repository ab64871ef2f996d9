import { sendPage, type View } from '@onbehalf/service-kit'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { languageFor, languages } from './language.ts'
import { scriptPath } from './paths.ts'
import type { Texts } from './texts/texts.ts'
import type { DeviceView } from './view.ts'
import { authorizeMember, authorizeSso } from './views/authorize.ts'
import { chooser } from './views/chooser.ts'
import { codeEntry } from './views/code-entry.ts'
import { ended, stopped } from './views/message.ts'
import { organisation } from './views/organisation.ts'

/** Sends a view in the language its reader asked for. */
export const sendView = (request: FastifyRequest, reply: FastifyReply, view: DeviceView): FastifyReply => {
  const language = languageFor(request.headers['accept-language'])
  const shown = render(view, languages[language], Date.now())
  reply.header('vary', 'accept-language').header('content-language', language)
  return sendPage(reply, { ...shown, language, script: scriptPath })
}

const render = (view: DeviceView, texts: Texts, now: number): Pick<View, 'title' | 'body' | 'leadsAway'> => {
  switch (view.name) {
    case 'code_entry':
      return { title: texts.codeEntry.title, body: codeEntry(view, texts) }
    case 'chooser':
      return { title: texts.chooser.title, body: chooser(view, texts) }
    case 'organisation':
      return { title: texts.organisation.title, body: organisation(view, texts), leadsAway: true }
    case 'authorize_member':
      return { title: texts.authorize.documentTitle, body: authorizeMember(view, texts, now) }
    case 'authorize_sso':
      return { title: texts.authorize.documentTitle, body: authorizeSso(view, texts, now) }
    case 'success':
      return { title: texts.success.title, body: ended(texts.success, '✓') }
    case 'denied':
      return { title: texts.denied.title, body: ended(texts.denied, '✕') }
    case 'rate_limited':
      return { title: texts.problems.rate_limited.title, body: stopped(view.name, texts, view) }
    case 'not_fresh':
      return { title: texts.problems.not_fresh.title, body: stopped(view.name, texts, view) }
    default:
      return { title: texts.problems[view.name].title, body: stopped(view.name, texts) }
  }
}
