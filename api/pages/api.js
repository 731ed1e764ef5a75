/** An error in a line fit to show. `status` is 0 where no answer came; `wait`: the seconds to leave before a retry. */
const failed = (status, detail, wait) => Object.assign(new Error(detail), { status, wait });

/** JSON from the server. `body`: what to post. */
export async function request(path, body, token) {
  const headers = { "Content-Type": "application/json", ...(token && { Authorization: `Bearer ${token}` }) };
  const lost = () => Promise.reject(failed(0, "没有连上服务器，请检查网络后重试。"));
  const post = body && { method: "POST", body: JSON.stringify(body) };
  const response = await fetch(path, { headers, ...post }).catch(lost);
  const data = await response.json().catch(lost);
  if (response.ok) return data;
  throw failed(response.status, data.detail || "请求没有成功，请稍后重试。", +response.headers.get("Retry-After"));
}

/** One account's token, kept nowhere else; `renew` (the demo's) gets one. What comes for an `ended` one is dropped. */
export class Session {
  constructor(token, renew) {
    Object.assign(this, { token, renew, ended: false });
  }

  async call(path, body) {
    if (!this.token) this.token = await this.renew();
    try {
      return await request(path, body, this.token);
    } catch (problem) {
      if (problem.status !== 401 || !this.renew) throw problem;
      this.token = await this.renew(); // an hour has passed in the demo
      return request(path, body, this.token);
    }
  }
}
