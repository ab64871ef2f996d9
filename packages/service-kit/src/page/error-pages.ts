import type { ReportedError } from '@onbehalf/errors'
import type { App } from '../create-app.ts'
import { beginError } from '../error-handler.ts'
import { sendPage, type View } from './send-page.ts'

/** Has what goes wrong in a scope told as a page. */
export const showErrorsAs = (scope: App, viewOf: (error: ReportedError, request_id: string) => View): void => {
  scope.setErrorHandler((thrown: Error, request, reply) =>
    sendPage(reply, viewOf(beginError(thrown, request, reply), request.id))
  )
}

/** Whether a form came too late, after its session had ended, or from elsewhere. */
export const isOutdated = ({ code }: ReportedError): boolean => code === 'unauthenticated' || code === 'csrf_rejected'
