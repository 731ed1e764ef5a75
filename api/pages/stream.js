import { Problem } from "./session.js";

const STALL = 45000; // ms without a byte, three of the server's keep-alive comments, after which the line is dead
const FIRST_PAUSE = 500; // ms before the line is opened again; doubled each time
const LONGEST_PAUSE = 15000;
const TRIES = 7; // in a row without anything new, while the browser says that it is online

const after = (ms) => {
  let timer;
  const promise = new Promise((done) => (timer = setTimeout(done, ms)));
  return { promise, cancel: () => clearTimeout(timer) };
};

/** The text of a response's body as it comes, characters whole. Problem(0): nothing came for too long. */
async function* decoded(body) {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  try {
    for (;;) {
      const late = after(STALL);
      const read = reader.read().catch(() => null);
      const got = await Promise.race([read, late.promise]);
      late.cancel();
      if (!got) throw new Problem(0);
      if (got.done) return;
      yield decoder.decode(got.value, { stream: true });
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/**
 * Server-Sent Events with data, `id` empty where one has none; one that the end of the stream cuts off is dropped.
 * @param {ReadableStream<Uint8Array>} body
 * @returns {AsyncGenerator<{id: string, data: string}>}
 */
export async function* events(body) {
  let [rest, id, data] = ["", "", []];
  for await (const text of decoded(body)) {
    const lines = (rest + text).split(/\r\n|\n|\r(?!$)/); // a return at the very end may be half a line end
    rest = lines.pop();
    for (const line of lines) {
      const colon = line.indexOf(":");
      const value = line.slice(colon + 1).replace(/^ /, "");
      if (line.startsWith("data:")) data.push(value);
      else if (line.startsWith("id:")) id = value;
      else if (!line) {
        if (data.length) yield { id, data: data.join("\n") };
        [id, data] = ["", []];
      }
    }
  }
}

const newKey = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16)).join("-");

/** One question on its way: its parts in order, each once, however often the line is lost. */
export class Run {
  /**
   * @param {import("./session.js").Session} session
   * @param {string | null} thread null: a new one
   * @param {string} question
   * @param {?string} id of a run that is under way already
   * @param {?string} answer the id of the answer to come, where it is known
   */
  constructor(session, thread, question, id = null, answer = null) {
    Object.assign(this, { session, thread, question, id, answer, last: "" });
    Object.assign(this, { stopping: false, finished: null, fault: "" }); // `finished`: finish, error or abort
    this.key = newKey(); // sent again with every try, so that the question is asked once
    this.stopped = new Promise((done) => (this.wake = done));
  }

  /** The line to the run: opened by the question, later where it was lost. */
  open() {
    if (!this.id) {
      const headers = { "Idempotency-Key": this.key };
      const path = `/v1/threads/${encodeURIComponent(this.thread || "new")}/runs`;
      return this.session.fetch(path, { method: "POST", headers, body: { question: this.question } });
    }
    const headers = this.last ? { "Last-Event-ID": this.last } : {};
    return this.session.fetch(`/v1/runs/${encodeURIComponent(this.id)}/events`, { headers });
  }

  /**
   * The parts of the UI message stream, and `{type: "lost"}` each time the line is lost, until the run has ended.
   * Problem: it can't be gone on with (410: what was missed is no longer kept).
   */
  async *parts() {
    let tries = 0;
    for (;;) {
      try {
        const response = await this.open();
        if (response.status === 204) return;
        for await (const part of this.fresh(response.body)) {
          tries = 0;
          if (part === "[DONE]") return;
          yield part;
          if (part.type === "start" && this.stopping) return; // stopped before it had a name, however quick it was
        }
        throw new Problem(0);
      } catch (problem) {
        const passing = problem.status === 0 || (this.id && problem.status >= 500);
        if (this.session.ended || !passing) throw problem;
        if (this.stopping || this.finished) return;
        if (navigator.onLine && ++tries > TRIES) throw problem;
      }
      yield { type: "lost" };
      await this.pause(Math.min(FIRST_PAUSE * 2 ** tries, LONGEST_PAUSE));
      if (this.stopping) return;
    }
  }

  /** The parts of one line that haven't been seen yet. Problem(0): one is missing, or is no JSON. */
  async *fresh(body) {
    let gapless = false; // where a line begins the server has told us what it has
    for await (const { id, data } of events(body)) {
      const [at, before] = [id, this.last].map((mark) => Number(mark.slice(mark.lastIndexOf(":") + 1)));
      if (id && this.last && at <= before) continue;
      if (id && this.last && at > before + 1 && gapless) throw new Problem(0);
      gapless = true;
      const part = data === "[DONE]" ? data : parse(data);
      if (id) this.last = id;
      if (part.type === "start") this.begin(part);
      else if (["finish", "error", "abort"].includes(part.type)) this.finished = part.type;
      if (part.type === "error") this.fault = part.errorText;
      yield part;
    }
  }

  begin({ messageId, messageMetadata: { runId, threadId } }) {
    Object.assign(this, { id: runId, thread: threadId, answer: messageId });
    if (this.stopping) this.stop().catch(() => {});
  }

  async pause(ms) {
    const slept = after(ms);
    let online;
    const back = new Promise((done) => window.addEventListener("online", (online = done)));
    const ended = new Promise((done) => this.session.controller.signal.addEventListener("abort", done));
    await Promise.race([slept.promise, back, this.stopped, ended]);
    slept.cancel();
    window.removeEventListener("online", online);
  }

  /** Have the server stop; what was said until then is kept. Before the run has begun: as soon as it has. */
  async stop() {
    this.stopping = true;
    this.wake();
    if (this.id) await this.session.fetch(`/v1/runs/${encodeURIComponent(this.id)}/stop`, { method: "POST" });
  }
}

function parse(data) {
  try {
    return JSON.parse(data);
  } catch (_) {
    throw new Problem(0);
  }
}

/** An answer's fields beside its text and citations, before anything is known of them. */
export const blank = () => {
  const none = { outcome: null, calculation: null, projection: null, plan: null };
  return { ...none, tables: [], suggestions: [] };
};

/** Add a part of the stream to the answer that it is of. */
export function gather(answer, { type, data }) {
  const field = type.replace("data-", "");
  if (type === "data-table") answer.tables.push(data);
  else if (type === "data-outcome") answer.outcome = data.outcome;
  else if (type.startsWith("data-") && field in answer) answer[field] = data;
}
