function a(n,s={},...t){let r=document.createElement(n);for(let[i,e]of Object.entries(s))i.startsWith("on")?r.addEventListener(i.slice(2),e):e!=null&&e!==!1&&r.setAttribute(i,e===!0?"":e);return r.append(...t.flat().filter(i=>i!=null)),r}function h(n,...s){let t=s.flat();if(t.every(r=>typeof r=="string")){let r=t.join("");(n.textContent!==r||n.childElementCount)&&(n.textContent=r)}else n.replaceChildren(...t)}function v(n,s){let t=a("input",{type:"checkbox",role:"switch",onchange:()=>s(t.checked)});return{node:a("label",{class:"switch"},t,a("span",{},n)),input:t,set(i){t.checked=i}}}var _=0;function w(n,s,t,r=""){let i=`vt-group-${_++}`,e=s.map(([o])=>a("input",{type:"radio",name:i,value:o,onchange:()=>t(o)})),p=s.map(([,o,c],m)=>a("label",{title:c},e[m],a("span",{},o)));return{node:a("div",{class:`segmented ${r}`,role:"radiogroup","aria-label":n},p),inputs:e,set(o){for(let c of e)c.checked=c.value===String(o)}}}function y(n,{min:s,max:t,step:r=1},i){let e=a("input",{type:"range",min:s,max:t,step:r,"aria-label":n,oninput:()=>i(Number(e.value))}),p=a("output",{});return{node:a("label",{class:"slider"},a("span",{class:"name"},n),e,p),input:e,set(o,c=String(o)){e.value=o,e.style.setProperty("--filled",`${100*(o-s)/(t-s||1)}%`),e.getAttribute("aria-valuetext")!==c&&e.setAttribute("aria-valuetext",c),h(p,c)}}}var x=`/* The look of a live figure's controls: the explorer's. In a shadow root, so plain names are safe; colours come from the book's page,
   from JupyterLab, or from here. */

:host {
  --ink: var(--vt-ink, var(--jp-ui-font-color1, #1d2129));
  --muted: var(--vt-muted, var(--jp-ui-font-color2, #5a6270));
  --paper: var(--vt-paper, var(--jp-layout-color0, #fff));
  --tint: var(--vt-tint, var(--jp-layout-color2, #f5f6f8));
  --line: var(--vt-line, var(--jp-border-color1, #d9dde3));
  --accent: var(--vt-accent, var(--jp-brand-color1, #00629b));
  --warn: var(--vt-warn, #a04500);
  display: block; container-type: inline-size; color: var(--ink); text-align: left;
  font: 400 14px/1.45 var(--vt-sans, system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif);
}
*, *::before, *::after { box-sizing: border-box; }
[hidden] { display: none !important; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: 3px; }

figure { margin: 0; max-width: 690px; }
.picture { display: block; max-width: 100%; height: auto; background: #fff; border-radius: 6px; }
.picture[aria-busy] { opacity: 0.6; }
figcaption { color: var(--muted); margin-top: 6px; }

/* Names, controls and values stand below each other. */
.controls { display: grid; grid-template-columns: max-content minmax(60px, 24rem) minmax(0, max-content); gap: 4px 14px; align-items: center; padding: 8px 0 4px; }
.controls > * { grid-column: 1 / -1; }
.slider, .row { display: grid; grid-template-columns: subgrid; align-items: center; min-height: 32px; }
.row > :last-child { grid-column: 2 / -1; justify-self: start; }
.name { max-width: 9.5em; overflow-wrap: anywhere; }
@container (max-width: 480px) {
  .controls:not(.short) :is(.slider, .row) { grid-template-columns: minmax(0, 1fr) max-content; column-gap: 14px; }
  .controls:not(.short) :is(.name, .row > :last-child) { grid-column: 1 / -1; max-width: 100%; }
}

.slider output { font-variant-numeric: tabular-nums; }
input[type="range"] { appearance: none; width: 100%; height: 28px; margin: 0; background: transparent; cursor: pointer; touch-action: pan-y; }
input[type="range"]::-webkit-slider-runnable-track { height: 4px; border-radius: 2px; background: linear-gradient(90deg, var(--accent) var(--filled, 0%), color-mix(in srgb, var(--muted) 55%, transparent) var(--filled, 0%)); }
input[type="range"]::-moz-range-track { height: 4px; border-radius: 2px; background: linear-gradient(90deg, var(--accent) var(--filled, 0%), color-mix(in srgb, var(--muted) 55%, transparent) var(--filled, 0%)); }
input[type="range"]::-webkit-slider-thumb { appearance: none; width: 18px; height: 18px; margin-top: -7px; border-radius: 50%; background: var(--paper); border: 2px solid var(--accent); }
input[type="range"]::-moz-range-thumb { width: 14px; height: 14px; border-radius: 50%; background: var(--paper); border: 2px solid var(--accent); }
input[type="range"]:disabled { opacity: 0.45; cursor: default; }

.segmented { display: inline-flex; flex-wrap: wrap; border: 1px solid var(--line); border-radius: 7px; padding: 2px; gap: 2px; background: var(--tint); max-width: 100%; }
.segmented label { position: relative; display: flex; cursor: pointer; min-width: 0; }
.segmented input { position: absolute; inset: 0; opacity: 0; margin: 0; cursor: pointer; width: 100%; height: 100%; }
.segmented span { padding: 3px 10px; border-radius: 5px; color: var(--muted); }
.segmented label:hover span { color: var(--ink); }
.segmented input:checked + span { background: var(--paper); color: var(--ink); font-weight: 600; box-shadow: 0 0 0 1px var(--line); }
.segmented input:focus-visible + span { outline: 3px solid var(--accent); outline-offset: 1px; }

select { font: inherit; color: var(--ink); background: var(--paper); border: 1px solid var(--muted); border-radius: 6px; padding: 3px 8px; min-height: 32px; max-width: 100%; }

.switch { display: inline-flex; justify-self: start; gap: 10px; align-items: center; cursor: pointer; min-height: 32px; }
.switch input { appearance: none; flex: none; width: 32px; height: 18px; margin: 0; border-radius: 9px; border: 1px solid var(--muted); background: transparent; position: relative; cursor: pointer; }
.switch input::after { content: ""; position: absolute; left: 2px; top: 2px; width: 12px; height: 12px; border-radius: 50%; background: var(--muted); }
.switch input:checked { background: var(--accent); border-color: var(--accent); }
.switch input:checked::after { background: var(--paper); left: 16px; }

.alarm { margin: 4px 0; border-left: 3px solid var(--warn); background: var(--tint); padding: 8px 12px; border-radius: 0 6px 6px 0; overflow-wrap: anywhere; }
.spoken { position: absolute; width: 1px; height: 1px; margin: 0; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }

@media (pointer: coarse) { .slider, .row, .switch { min-height: 44px; } input[type="range"] { height: 44px; } .segmented span, select { padding: 9px 13px; } }
@media (forced-colors: active) { .segmented input:checked + span { outline: 2px solid; } .switch input, .switch input::after { border: 1px solid; } }
@media print { .controls { display: none; } }
`;var A=9,C=600;function k(n,s,t){let r=[...s],i=n.map((l,d)=>L(l,g=>{r[d]!==g&&(r[d]=g,i[d].set(g),t([...r]))})),e=a("p",{class:"alarm",role:"alert",hidden:!0}),p=a("p",{class:"spoken",role:"status"}),u=n.every(({label:l,kind:d})=>d==="switch"||l.length<=A),o=a("div",{class:`controls ${u?"short":""}`,role:"group","aria-label":"Settings of this figure"},i.map(l=>l.node),e,p),c,m=l=>l.forEach((d,g)=>{r[g]=d,i[g].set(d)});return m(s),{node:o,places:r,set:m,fault(l){h(e,l),e.hidden=!l},say(l){clearTimeout(c),c=setTimeout(()=>h(p,l),C)}}}function L({label:n,kind:s,texts:t},r){if(s==="slider"){let{node:e,input:p,set:u}=y(n,{min:0,max:t.length-1},r);return e.querySelector("output").style.minWidth=`${Math.max(...t.map(o=>o.length))}ch`,p.disabled=t.length<2,{node:e,set:o=>u(o,t[o])}}if(s==="switch"){let e=t.indexOf("True"),{node:p,set:u}=v(n,o=>r(o?e:1-e));return{node:p,set:o=>u(o===e)}}if(s==="choice"){let{node:e,set:p}=w(n,t.map((u,o)=>[String(o),u]),u=>r(Number(u)));return{node:a("div",{class:"row"},a("span",{class:"name","aria-hidden":"true"},n),e),set:p}}let i=a("select",{onchange:()=>r(i.selectedIndex)},t.map(e=>a("option",{},e)));return{node:a("label",{class:"row"},a("span",{class:"name"},n),i),set(e){i.selectedIndex=e}}}var R=500;function U({model:n,el:s}){let t=a("img",{class:"picture"}),r=null,i=null,e=0,p="";function u(d){if(r){i=d;return}r=d,e=setTimeout(()=>t.setAttribute("aria-busy","true"),R),n.set("_asked",d),n.save_changes()}function o(){let{places:d,picture:g,text:b,size:S}=n.get("_shown"),j=p;p=URL.createObjectURL(new Blob([g],{type:"image/png"})),t.onload=()=>URL.revokeObjectURL(j),t.src=p,t.alt=b,[t.width,t.height]=S,c.fault(n.get("fault")),clearTimeout(e),t.removeAttribute("aria-busy");let f=i;r=i=null,f&&String(f)!==String(d)?u(f):(c.set(d),c.say(b))}let c=k(n.get("_controls"),n.get("_shown").places,u),m=n.get("_caption"),l=a("div",{"data-lm-suppress-shortcuts":!0});return l.attachShadow({mode:"open"}).append(a("style",{},x),a("figure",{},t,c.node,m&&a("figcaption",{},m))),s.append(l),o(),n.on("change:_shown",o),()=>{n.off("change:_shown",o),URL.revokeObjectURL(p)}}var B={render:U};export{B as default};
