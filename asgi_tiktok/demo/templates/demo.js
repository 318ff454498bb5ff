for (const button of document.querySelectorAll(".copy")) {
  const code = button.closest("figure").querySelector("pre");
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(code.textContent);
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
}
