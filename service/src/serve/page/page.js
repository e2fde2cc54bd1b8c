// SPDX-License-Identifier: MPL-2.0
// The page of sonicd: gives jobs, and shows how they fare.
"use strict";

const TEXTS = {
  en: {
    lead: "One portrait and a voice become a video.", other: "中文",
    token: "Your token", enter: "Enter", portrait: "Portrait",
    portraitHint: "Drop a picture here, or choose one (JPEG, PNG, WebP). Without one the built-in portrait speaks.",
    voice: "Voice", fromText: "From a text", fromAudio: "From a recording", textHint: "What is said",
    audioHint: "Drop a recording here, or choose one.", settings: "Settings", submit: "Make the video",
    sending: "Sending…", jobs: "Videos", none: "Nothing yet.", queued: "Waiting", ahead: n => `Waiting; ${n} before it`,
    rendering: p => `Rendering, ${p} %`, retrying: s => `Will be tried again in ${s} s`, cancelling: "Cancelling…",
    done: (s, t) => `Done: ${s} s, made in ${t} s`, shared: s => `Done: ${s} s, made before`, failed: "Failed",
    cancelled: "Cancelled", download: "Download", cancel: "Cancel", recording: "A recording",
    needText: "Write what is to be said.", needAudio: "Choose a recording.", away: "The service does not answer. Trying again…",
    tooBig: (n) => `This file is too big: at most ${n} MB.`, left: (n, most) => `${n} of ${most} characters`,
    noPicture: "This is no picture that can be shown.", format: "Kind of file", priority: "Priority", fps: "Frames a second",
    looking: "Looking for the face…", oneFace: "A face was found.", faces: n => `${n} faces were found; the largest one speaks.`,
    unchecked: "The face could not be checked just now; you can go on all the same.",
    needFace: "Choose another picture, or none.", remove: "Take the built-in portrait",
    standard: "as usual", highP: "high", normalP: "normal", bulkP: "when there is time",
  },
  zh: {
    lead: "一张肖像加一段声音，变成一段视频。", other: "English",
    token: "您的令牌", enter: "进入", portrait: "肖像",
    portraitHint: "把图片拖到这里，或选择一张（JPEG、PNG、WebP）。不选则使用内置肖像。",
    voice: "声音", fromText: "来自文本", fromAudio: "来自录音", textHint: "要说的话",
    audioHint: "把录音拖到这里，或选择一个文件。", settings: "设置", submit: "生成视频",
    sending: "正在发送…", jobs: "视频", none: "还没有。", queued: "等待中", ahead: n => `等待中，前面还有 ${n} 个`,
    rendering: p => `渲染中，${p} %`, retrying: s => `${s} 秒后重试`, cancelling: "正在取消…",
    done: (s, t) => `完成：${s} 秒，用时 ${t} 秒`, shared: s => `完成：${s} 秒，之前已生成`, failed: "失败",
    cancelled: "已取消", download: "下载", cancel: "取消", recording: "录音",
    needText: "请写下要说的话。", needAudio: "请选择一个录音。", away: "服务没有响应，正在重试…",
    tooBig: (n) => `文件太大：最多 ${n} MB。`, left: (n, most) => `${n} / ${most} 字`,
    noPicture: "这不是可以显示的图片。", format: "文件类型", priority: "优先级", fps: "每秒帧数",
    looking: "正在查找人脸…", oneFace: "找到一张人脸。", faces: n => `找到 ${n} 张人脸，最大的一张会说话。`,
    unchecked: "现在无法检查人脸，您可以继续。",
    needFace: "请换一张图片，或不选图片。", remove: "使用内置肖像",
    standard: "默认", highP: "高", normalP: "普通", bulkP: "有空时",
  },
};
const NO_FACE = "这张图片里没有找到能用的正面人脸，请换一张正面的肖像。";
const ADVICE = {
  size: "人脸较小，画面可能模糊。", yaw: "头部转向一侧，正面的肖像效果更好。", roll: "头部倾斜，请把图片转正。",
  mouth: "嘴是张开的，闭着的嘴效果更好。", eyes: "眼睛可能闭着，睁开才能眨眼。", glasses: "可能戴着眼镜，不戴时眨眼更自然。",
};
// What the parameters are called here; of what is not here the name is shown.
const NAMES = {
  duration: ["At most so many seconds", "最长秒数"], size: ["Size, as 1280x720", "画面大小，如 1280x720"],
  framing: ["Framing", "取景"], expand_ratio: ["Space around the face", "脸部周围的空间"],
  min_resolution: ["Shorter side, at least", "短边至少多少像素"], articulator: ["What moves the lips", "口型来源"],
  dynamic_scale: ["How far the mouth moves", "嘴部幅度"], motion_scale: ["How far the head moves", "头部运动幅度"],
  blink_rate: ["Blinks a minute", "每分钟眨眼次数"], expression: ["Expression", "表情"],
  expression_strength: ["How strong it is", "表情强度"], gaze_x: ["Looks left or right", "视线左右"],
  gaze_y: ["Looks up or down", "视线上下"], background: ["Background", "背景"], seed: ["Seed of chance", "随机种子"],
  n_threads: ["Threads", "线程数"], voice: ["Voice", "声音"], language: ["Language", "语言"], rate: ["Speed of speech", "语速"],
  pitch: ["Pitch of the voice", "音高"], volume: ["Volume", "音量"], inference_steps: ["Steps of inference", "推理步数"],
};

const $ = id => document.getElementById(id);
const jobs = new Map();
let language = localStorage.getItem("language") || (navigator.language.startsWith("zh") ? "zh" : "en");
let token = sessionStorage.getItem("token") || "";
let limits = {}, parameters = [], lastEvent = "", listening = null;
// The look at the portrait that is chosen: what it came to, and the promise of that.
let look = null;
const text = key => TEXTS[language][key];

function speak() {
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll("[data-text]")) element.textContent = text(element.dataset.text);
  $("language").textContent = text("other");
  $("language").lang = language === "en" ? "zh" : "en";
  showParameters();
  showCount();
  showSeen();
  for (const job of jobs.values()) show(job);
}

const headers = more => ({ ...(token && { Authorization: `Bearer ${token}` }), ...more });

async function ask(path, options = {}) {
  const answer = await fetch(path, { ...options, headers: headers(options.headers) });
  if (answer.status === 401) $("login").hidden = false;
  if (!answer.ok) throw await problem(answer);
  return answer;
}

// What the service says is wrong, by field.
async function problem(answer) {
  const told = await answer.json().catch(() => ({ detail: answer.statusText }));
  return Object.assign(new Error(told.detail || told.title || String(answer.status)), { fields: told.errors || [] });
}

function showParameters() {
  const values = new Map([...$("parameters").querySelectorAll("[name]")].map(input => [input.name, input.value]));
  const first = general(), others = parameters.filter(p => !first.some(known => known.name === p.name));
  $("parameters").replaceChildren(...[...first, ...others].map(p => parameterRow(p, values.get(p.name))));
}

function general() {
  return [
    { name: "format", type: "choice", values: ["mp4", "mkv", "webm"], default: "mp4", label: text("format") },
    { name: "priority", type: "choice", values: ["high", "normal", "bulk"], default: "normal", label: text("priority"),
      names: { high: text("highP"), normal: text("normalP"), bulk: text("bulkP") } },
    { name: "fps", type: "choice", values: ["24", "25", "30", "50", "60"], default: "25", label: text("fps") },
  ];
}

// The widest step that a finger can do with and that leads to the default.
function stepOf({ type, minimum, maximum, default: usual }) {
  if (type === "integer") return 1;
  const leads = step => Math.abs(Math.round((usual - minimum) / step) * step - (usual - minimum)) < 1e-9;
  return [1, 0.5, 0.1, 0.05, 0.01].find(step => (maximum - minimum) / step >= 40 && leads(step)) || (maximum - minimum) / 1000;
}

function parameterRow(parameter, value) {
  const row = document.createElement("div"), label = document.createElement("label");
  const numeric = ["number", "integer"].includes(parameter.type);
  // A slider always stands somewhere, so there is none where nothing is the default.
  const ranged = parameter.default !== "" && (parameter.type === "number" || (parameter.type === "integer" && parameter.maximum <= 10000));
  const input = document.createElement(parameter.type === "choice" ? "select" : "input");
  row.className = "parameter";
  input.id = `parameter-${parameter.name}`;
  input.name = parameter.name;
  input.dataset.default = parameter.default;
  label.htmlFor = input.id;
  label.textContent = parameter.label || (NAMES[parameter.name] || [])[language === "zh" ? 1 : 0] || parameter.name.replaceAll("_", " ");
  if (parameter.description) label.title = parameter.description;
  row.append(label, input);
  if (parameter.type === "choice") {
    for (const choice of parameter.values) input.append(new Option((parameter.names || {})[choice] || choice, choice));
  } else if (ranged) {
    Object.assign(input, { type: "range", min: parameter.minimum, max: parameter.maximum, step: stepOf(parameter) });
    const output = document.createElement("output");
    output.htmlFor = input.id;
    label.prepend(output);
    const tell = () => { output.textContent = Number(input.value).toLocaleString(language, { maximumFractionDigits: 2 }); };
    input.addEventListener("input", tell);
    queueMicrotask(tell);
  } else {
    Object.assign(input, { type: numeric ? "number" : "text", placeholder: text("standard") });
    if (numeric) Object.assign(input, { min: parameter.minimum, max: parameter.maximum, step: "any" });
  }
  input.value = value ?? parameter.default;
  input.dataset.first = input.value;
  if (value !== undefined && value !== parameter.default) input.dataset.first = "";
  return row;
}

function showCount() {
  const most = limits.text_characters;
  $("count").textContent = most ? text("left")([...$("text").value].length.toLocaleString(language), most.toLocaleString(language)) : "";
}

const chosen = () => document.querySelector('input[name="speech"]:checked').value;

function choose(kind) {
  document.querySelector(`input[name="speech"][value="${kind}"]`).checked = true;
  $("by-text").hidden = kind !== "text";
  $("by-audio").hidden = kind !== "audio";
}

function checkFile(input, most, complaint) {
  const file = input.files[0];
  const big = file && most && file.size > most;
  $(complaint).textContent = big ? text("tooBig")(Math.floor(most / 1e6)) : "";
  if (big) input.value = "";
  return big ? undefined : file;
}

function preview() {
  const file = checkFile($("portrait"), limits.portrait_bytes, "portrait-problem");
  URL.revokeObjectURL($("preview").src);
  $("shown").hidden = $("remove").hidden = !file;
  if (file) $("preview").src = URL.createObjectURL(file);
  if (look) look.stop.abort();
  look = file ? lookAt(file) : null;
  showSeen();
}

// Asks whether the picture shows a face that can speak.
function lookAt(file) {
  const mine = { stop: new AbortController(), seen: null, error: null };
  const body = new FormData();
  body.append("portrait", file);
  mine.over = ask("/v1/check", { method: "POST", body, signal: mine.stop.signal })
    .then(answer => answer.json())
    .then(seen => { mine.seen = seen; }, error => { mine.error = error; })
    .then(() => { if (look === mine) showSeen(); });
  return mine;
}

// Why the picture that is chosen is no portrait; nothing if it is, or if nobody knows.
function unfit() {
  if (!look) return "";
  if (look.seen) return look.seen.face ? "" : language === "zh" ? NO_FACE : look.seen.reason;
  const told = look.error && (look.error.fields || []).find(field => field.field === "portrait");
  return told ? (language === "zh" ? text("noPicture") : told.detail) : "";
}

function showSeen() {
  const seen = look && look.seen, found = seen && seen.face, lines = [];
  if (look && !seen) lines.push(look.error ? (unfit() ? "" : text("unchecked")) : text("looking"));
  if (found) lines.push(seen.faces > 1 ? text("faces")(seen.faces) : text("oneFace"));
  if (found) lines.push(...seen.advice.filter(a => a.about in ADVICE).map(a => (language === "zh" ? ADVICE[a.about] : `${capital(a.what)}. ${a.cure}.`)));
  $("seen").textContent = lines.join(" ");
  if (look) $("portrait-problem").textContent = unfit();
  $("face").hidden = !found;
  if (!found) return;
  const [left, top, width, height] = seen.box, percent = (part, of) => `${100 * part / of}%`;
  Object.assign($("face").style, { left: percent(left, seen.width), top: percent(top, seen.height),
    width: percent(width, seen.width), height: percent(height, seen.height) });
}

const capital = words => words.charAt(0).toUpperCase() + words.slice(1);

function listen() {
  const file = checkFile($("audio"), limits.audio_bytes, "speech-problem");
  URL.revokeObjectURL($("listen").src);
  $("listen").hidden = !file;
  if (file) $("listen").src = URL.createObjectURL(file);
}

function droppable(zone, input, then) {
  zone.addEventListener("dragover", event => { event.preventDefault(); zone.classList.add("over"); });
  zone.addEventListener("dragleave", () => zone.classList.remove("over"));
  zone.addEventListener("drop", event => {
    event.preventDefault();
    zone.classList.remove("over");
    if (!event.dataTransfer.files.length) return;
    input.files = event.dataTransfer.files;
    then();
  });
}

function order() {
  const form = new FormData(), kind = chosen();
  const portrait = $("portrait").files[0], audio = $("audio").files[0], said = $("text").value.trim();
  if (portrait) form.append("portrait", portrait);
  if (kind === "text" && !said) throw Object.assign(new Error(text("needText")), { fields: [], focus: $("text") });
  if (kind === "audio" && !audio) throw Object.assign(new Error(text("needAudio")), { fields: [], focus: $("audio") });
  if (kind === "text") form.append("text", said); else form.append("audio", audio);
  for (const input of $("parameters").querySelectorAll("[name]")) {
    if (input.value !== "" && input.value !== input.dataset.first) form.append(input.name, input.value);
  }
  return form;
}

async function submit(event) {
  event.preventDefault();
  for (const id of ["problem", "portrait-problem", "speech-problem"]) $(id).textContent = "";
  $("submit").disabled = true;
  $("submit").textContent = text("sending");
  try {
    if (look) await look.over;
    if (unfit()) throw Object.assign(new Error(unfit()), { fields: [{ field: "portrait", detail: `${unfit()} ${text("needFace")}` }], focus: $("portrait") });
    // Should the answer be lost, the same job is not made twice.
    const key = Array.from(crypto.getRandomValues(new Uint32Array(4)), n => n.toString(16)).join("-");
    const answer = await ask("/v1/jobs", { method: "POST", body: order(), headers: { "Idempotency-Key": key } });
    take(await answer.json());
  } catch (error) {
    complain(error);
  } finally {
    $("submit").disabled = false;
    $("submit").textContent = text("submit");
  }
}

function complain(error) {
  const place = { portrait: "portrait-problem", text: "speech-problem", audio: "speech-problem" };
  for (const field of error.fields || []) {
    const told = field.detail || field.message || "";
    $(place[field.field] || "problem").textContent = place[field.field] ? told : `${field.field}: ${told}`;
  }
  if (!(error.fields || []).length) $(error.focus ? "speech-problem" : "problem").textContent = error.message;
  if (error.focus) error.focus.focus();
}

function take(told) {
  const job = { ...jobs.get(told.id), ...told };
  if (told.state !== "retrying" && told.state !== "failed") delete job.reason;
  jobs.set(job.id, job);
  show(job);
}

function describe(job) {
  const seconds = n => Number(n).toLocaleString(language, { maximumFractionDigits: 1 });
  switch (job.state) {
    case "queued": return job.ahead ? text("ahead")(job.ahead) : text("queued");
    case "rendering": return text("rendering")(Math.round(job.percent || 0));
    case "retrying": return text("retrying")(job.retry_in_s || 0);
    case "done": return job.result.shared ? text("shared")(seconds(job.result.seconds))
      : text("done")(seconds(job.result.seconds), seconds(job.result.render_seconds));
    default: return text(job.state);
  }
}

function show(job) {
  let item = document.getElementById(`job-${job.id}`);
  if (!item) {
    item = $("job").content.firstElementChild.cloneNode(true);
    item.id = `job-${job.id}`;
    item.querySelector(".cancel").addEventListener("click", () => cancel(job.id));
    const younger = [...$("jobs").children].find(other => other.id > item.id);
    $("jobs").insertBefore(item, younger || null);
  }
  const part = name => item.querySelector(name);
  const set = (element, words) => { if (element.textContent !== words) element.textContent = words; };
  const over = ["done", "failed", "cancelled"].includes(job.state);
  set(part("h3"), job.text ? job.text.slice(0, 80) : text("recording"));
  set(part(".state"), describe(job));
  set(part(".problem"), job.reason || "");
  set(part(".cancel"), text("cancel"));
  set(part(".download"), text("download"));
  part("progress").hidden = job.state !== "rendering";
  part("progress").value = job.percent || 0;
  part(".cancel").hidden = over || job.state === "cancelling";
  part(".download").hidden = part("video").hidden = !job.result_url;
  if (job.result_url && !part("video").src) {
    part("video").src = part(".download").href = job.result_url;
    part(".download").download = `${job.id}.${job.format || "mp4"}`;
  }
  $("none").hidden = jobs.size > 0;
}

async function cancel(id) {
  try {
    await ask(`/v1/jobs/${id}`, { method: "DELETE" });
  } catch (error) {
    complain(error);
  }
}

// Server-sent events, with the token that EventSource cannot send.
async function follow(signal) {
  while (!signal.aborted) {
    try {
      const answer = await ask("/v1/events", { signal, headers: lastEvent ? { "Last-Event-ID": lastEvent } : {} });
      $("line").textContent = "";
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      let rest = "";
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        const parts = (rest + value).split("\n\n");
        rest = parts.pop();
        parts.forEach(heard);
      }
    } catch (error) {
      if (signal.aborted) return;
      if (!$("login").hidden) return;
      $("line").textContent = text("away");
    }
    await new Promise(resume => setTimeout(resume, 1000));
  }
}

function heard(block) {
  const event = { data: "" };
  for (const line of block.split("\n")) {
    const [, name, value] = line.match(/^(\w+): ?(.*)$/) || [];
    if (name === "data") event.data += value; else if (name) event[name] = value;
  }
  if (event.id) lastEvent = event.id;
  if (!event.data) return;
  const told = JSON.parse(event.data);
  if (event.event === "snapshot") told.jobs.forEach(take);
  else if (jobs.has(told.id)) take(told);
  else ask(`/v1/jobs/${told.id}`).then(answer => answer.json()).then(take).catch(() => {});
}

async function begin() {
  if (listening) listening.abort();
  listening = new AbortController();
  try {
    const told = await (await ask("/v1/parameters")).json();
    ({ limits, parameters } = told);
    $("login").hidden = true;
    speak();
    follow(listening.signal);
  } catch (error) {
    complain(error);
    if ($("login").hidden) setTimeout(begin, 2000);
  }
}

$("language").addEventListener("click", () => {
  language = language === "en" ? "zh" : "en";
  localStorage.setItem("language", language);
  speak();
});
$("enter").addEventListener("click", () => {
  token = $("token").value.trim();
  sessionStorage.setItem("token", token);
  $("problem").textContent = "";
  begin();
});
for (const input of document.querySelectorAll('input[name="speech"]')) input.addEventListener("change", () => choose(chosen()));
$("text").addEventListener("input", showCount);
$("portrait").addEventListener("change", preview);
$("audio").addEventListener("change", listen);
$("preview").addEventListener("error", () => { $("shown").hidden = true; $("portrait-problem").textContent = text("noPicture"); });
$("remove").addEventListener("click", () => { $("portrait").value = ""; $("portrait-problem").textContent = ""; preview(); $("portrait").focus(); });
droppable($("portrait-drop"), $("portrait"), preview);
droppable($("audio-drop"), $("audio"), () => { choose("audio"); listen(); });
$("form").addEventListener("submit", submit);
speak();
begin();
