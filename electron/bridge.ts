import type { IpcMain, IpcMainInvokeEvent } from 'electron'
import * as v from 'valibot'
import { adviceFor } from '../core/advice.ts'
import { type Call, channelOf, type Handlers, type Outcome, rows } from '../core/contract/contract.ts'
import { VpnFailure } from '../core/errors.ts'
import { faultOf } from '../core/manager/fault.ts'

type Handler = (argument: unknown) => unknown

/**
 * Answers one call: parses the argument, runs the handler, and makes a value of whatever it throws. The sentence about
 * a bad argument names the field and never repeats the content, which may hold a secret.
 */
export async function answer(
  row: Call<unknown, unknown>,
  handler: Handler,
  argument: unknown,
): Promise<Outcome<unknown>> {
  return outcomeOf(() => {
    const parsed = v.safeParse(row.argument, argument)
    if (!parsed.success) throw refusal(parsed.issues.map((issue) => v.getDotPath(issue) ?? 'the argument'))
    return handler(parsed.output)
  })
}

/** What the work comes to, as it crosses to the window. */
export async function outcomeOf<T>(work: () => T | Promise<T>): Promise<Outcome<T>> {
  try {
    return { ok: true, value: await work() }
  } catch (thrown) {
    const error = faultOf(thrown)
    return { ok: false, error: { fault: error, kind: error.kind, ...adviceFor(error, 'window') } }
  }
}

/** Who answers, by area. Most of it is loaded when it is first asked. */
export type Areas = { readonly [Area in keyof Handlers]: () => Handlers[Area] | Promise<Handlers[Area]> }

/** Serves every call of the contract to windows `isOurs` knows; to anything else it gives a fault. */
export function serveContract(
  ipc: Pick<IpcMain, 'handle'>,
  areas: Areas,
  isOurs: (event: IpcMainInvokeEvent) => boolean,
): void {
  for (const { area, name, row } of rows()) {
    if (row.kind !== 'call') continue
    const open = (areas as Record<string, () => unknown>)[area]
    if (open === undefined) throw new Error(`nobody answers ${area}`)
    const handler: Handler = async (argument) => ((await open()) as Record<string, Handler>)[name]?.(argument)
    ipc.handle(channelOf(area, name), (event, ...given: unknown[]) =>
      answer(row, isOurs(event) ? handler : refuseStranger, given[0]),
    )
  }
}

const refuseStranger: Handler = () => {
  throw new VpnFailure({ kind: 'internal', problem: 'this page may not ask' })
}

const refusal = (fields: readonly string[]): VpnFailure =>
  new VpnFailure({
    kind: 'internal',
    problem: `the window sent something else than was agreed (${[...new Set(fields)].slice(0, 5).join(', ')})`,
  })
