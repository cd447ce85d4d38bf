"use strict";

// Comments of others as they come. Without this script the page has those that were there when it was asked for.
(() => {
  const section = document.getElementById("comments");
  if (!section?.dataset.stream) return;

  const element = (name, className, ...content) => {
    const made = document.createElement(name);
    if (className) made.className = className;
    made.append(...content); // what is text stays text
    return made;
  };

  const list = () => {
    const there = section.querySelector("ol.said");
    if (there) return there;
    const made = element("ol", "said");
    made.setAttribute("role", "list");
    made.setAttribute("aria-live", "polite");
    const nobody = section.querySelector(".nobody");
    if (nobody) nobody.replaceWith(made);
    else section.append(made);
    return made;
  };

  const moment = (text) => {
    const at = new Date(text);
    const day = at.toLocaleDateString("en-GB", { day: "numeric", month: "long", year: "numeric", timeZone: "UTC" });
    const made = element("time", "", `${day}, ${at.toISOString().slice(11, 16)}`);
    made.dateTime = text;
    return made;
  };

  const name = ({ author, author_id }) =>
    [author?.first_name, author?.surname].filter(Boolean).join(" ") ||
    (author_id ? "Somebody" : "Somebody who has left");

  const entry = (id) => document.getElementById(`comment-${id}`);

  const show = ({ comment_id, comment }) => {
    const there = entry(comment_id);
    if (!comment) return there?.remove();
    if (there) {
      there.querySelector(".text").textContent = comment.text;
      return undefined;
    }
    const made = element(
      "li",
      "",
      element("p", "aside", element("strong", "", name(comment)), " · ", moment(comment.created_at)),
      element("p", "text", comment.text),
    );
    made.id = `comment-${comment_id}`;
    return list().prepend(made);
  };

  const source = new EventSource(section.dataset.stream);
  source.addEventListener("comment.created", (event) => show(JSON.parse(event.data)));
  for (const type of ["comment.updated", "comment.removed"]) {
    source.addEventListener(type, (event) => {
      const said = JSON.parse(event.data);
      if (entry(said.comment_id)) show(said);
    });
  }
  source.addEventListener("reset", () => {
    source.close();
    const link = element("a", "", "Reload the page");
    link.href = location.pathname;
    section.querySelector("h2").after(element("p", "aside", link, " to see all that was said meanwhile."));
  });
  addEventListener("pagehide", () => source.close());
})();
