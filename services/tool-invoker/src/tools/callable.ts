import type { CatalogueTool, FoundTool } from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'

/**
 * The tool as its catalogue has it, once it may be called; undefined where the server has never been listed and may be
 * tried all the same. Throws `tool_not_approved` or `not_found`, naming the field.
 */
export const callableTool = ({ tool, is_listed, is_approved }: FoundTool): CatalogueTool | undefined => {
  if (!tool && is_listed) throw noSuchTool()
  if (!is_approved) throw notApproved()
  return tool ?? undefined
}

const noSuchTool = () =>
  new ReportedError(
    'not_found',
    'The server has no such tool. If it is new, ask an administrator to refresh the tools.',
    {
      details: [{ path: 'tool', message: 'is not in the catalogue of the server' }]
    }
  )

const notApproved = () =>
  new ReportedError('tool_not_approved', 'The tool is new or was changed: an administrator has to approve it first.', {
    details: [{ path: 'tool', message: 'is not approved as it is now' }]
  })
