// Finds a district by typing: a list below a field, by keyboard and by touch.

import { ask } from "./api.js";
import { element, nameOf } from "./parts.js";
import { change } from "./state.js";

const FOUND = 12;

/** @param {{t: object, state: import("./state.js").State, place: string, levels: (code: string) => string}} context */
export function districtField({ t, state, place, word }) {
  let turn = 0, found = [], at = -1;
  const list = element("ul", { role: "listbox", id: "district-list", "aria-label": t.district, hidden: true });
  const field = element("input", { type: "text", id: "district", role: "combobox", "aria-expanded": "false", "aria-controls": "district-list", "aria-autocomplete": "list", autocomplete: "off", spellcheck: "false", value: place, placeholder: t.typeDistrict,
    oninput: () => search(field.value.trim()), onfocus: () => field.select(), onclick: () => search(""), onblur: () => setTimeout(close, 150),
    onkeydown: (event) => {
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        if (list.hidden) search(""); else mark((at + (event.key === "ArrowDown" ? 1 : found.length - 1)) % found.length);
      } else if (event.key === "Enter" && found.length && !list.hidden) {
        event.preventDefault();
        pick(found[Math.max(at, 0)]);
      } else if (event.key === "Escape") close();
    } });

  function close() {
    list.hidden = true;
    at = -1;
    field.setAttribute("aria-expanded", "false");
    field.removeAttribute("aria-activedescendant");
    field.value = place;
  }

  function pick(district) {
    close();
    change({ district: district.code, subject: "" });
    document.getElementById("main").focus();
  }

  function mark(place_) {
    at = place_;
    [...list.children].forEach((one, number) => one.setAttribute("aria-selected", String(number === at)));
    field.setAttribute("aria-activedescendant", `district-${at}`);
    list.children[at]?.scrollIntoView({ block: "nearest" });
  }

  async function search(text) {
    const mine = ++turn;
    const { data } = await (text ? ask("/v1/districts", { q: text, limit: FOUND }) : ask("/v1/districts", { ...(state.district ? { parent: state.district } : { level: "province" }), limit: 100 })).catch(() => ({ data: [] }));
    if (mine !== turn || document.activeElement !== field) return;
    found = [...(text || !state.district ? [] : [{ code: "", name_zh: t.everything, name_en: t.everything }]), ...data];
    at = -1;
    list.replaceChildren(...found.map((district, number) => element("li", { role: "option", id: `district-${number}`, "aria-selected": "false", onmousedown: (event) => { event.preventDefault(); pick(district); } },
      nameOf(district, state.lang), " ", element("small", {}, [district.code, district.level && word("district", district.level)].filter(Boolean).join(" · ")))),
      ...(found.length ? [] : [element("li", { class: "none", role: "option", "aria-selected": "false", "aria-disabled": "true" }, t.nothingFound)]));
    list.hidden = false;
    field.setAttribute("aria-expanded", "true");
  }

  return element("div", { class: "combobox" }, element("label", {}, element("span", {}, t.district), field), list);
}
