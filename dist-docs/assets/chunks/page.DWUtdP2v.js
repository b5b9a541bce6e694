const s="/assets/page.BMxokmfF.png";export{s as _};
