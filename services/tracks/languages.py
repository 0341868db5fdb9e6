"""Language tags: BCP 47 as players expect it, out of what people and containers write."""

from __future__ import annotations

import re

# Well-formed by RFC 5646; whether there is such a language is for its speakers to know.
TAG = re.compile(
    r"(?P<language>[a-z]{2,3})(?:-[a-z]{3}){0,3}(?:-(?P<script>[a-z]{4}))?"
    r"(?:-(?P<region>[a-z]{2}|[0-9]{3}))?(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*"
    r"(?:-[a-wyz0-9](?:-[a-z0-9]{2,8})+)*(?:-x(?:-[a-z0-9]{1,8})+)?",
    re.IGNORECASE,
)
LONGEST = 35
# Containers say "nobody knows" so.
UNKNOWN = {"", "und", "mis", "mul", "zxx"}
# ISO 639-2, in both its codes, to 639-1: BCP 47 wants the shortest, and players compare letters.
_SHORT = (
    "aar=aa abk=ab afr=af aka=ak alb=sq amh=am ara=ar arg=an arm=hy asm=as ava=av ave=ae aym=ay "
    "aze=az bak=ba bam=bm baq=eu bel=be ben=bn bih=bh bis=bi bod=bo bos=bs bre=br bul=bg bur=my "
    "cat=ca ces=cs cha=ch che=ce chi=zh chu=cu chv=cv cor=kw cos=co cre=cr cym=cy cze=cs dan=da "
    "deu=de div=dv dut=nl dzo=dz ell=el eng=en epo=eo est=et eus=eu ewe=ee fao=fo fas=fa fij=fj "
    "fin=fi fra=fr fre=fr fry=fy ful=ff geo=ka ger=de gla=gd gle=ga glg=gl glv=gv gre=el grn=gn "
    "guj=gu hat=ht hau=ha heb=he her=hz hin=hi hmo=ho hrv=hr hun=hu hye=hy ibo=ig ice=is ido=io "
    "iii=ii iku=iu ile=ie ina=ia ind=id ipk=ik isl=is ita=it jav=jv jpn=ja kal=kl kan=kn kas=ks "
    "kat=ka kau=kr kaz=kk khm=km kik=ki kin=rw kir=ky kom=kv kon=kg kor=ko kua=kj kur=ku lao=lo "
    "lat=la lav=lv lim=li lin=ln lit=lt ltz=lb lub=lu lug=lg mac=mk mah=mh mal=ml mao=mi mar=mr "
    "may=ms mkd=mk mlg=mg mlt=mt mon=mn mri=mi msa=ms mya=my nau=na nav=nv nbl=nr nde=nd ndo=ng "
    "nep=ne nld=nl nno=nn nob=nb nor=no nya=ny oci=oc oji=oj ori=or orm=om oss=os pan=pa per=fa "
    "pli=pi pol=pl por=pt pus=ps que=qu roh=rm ron=ro rum=ro run=rn rus=ru sag=sg san=sa sin=si "
    "slk=sk slo=sk slv=sl sme=se smo=sm sna=sn snd=sd som=so sot=st spa=es sqi=sq srd=sc srp=sr "
    "ssw=ss sun=su swa=sw swe=sv tah=ty tam=ta tat=tt tel=te tgk=tg tgl=tl tha=th tib=bo tir=ti "
    "ton=to tsn=tn tso=ts tuk=tk tur=tr twi=tw uig=ug ukr=uk urd=ur uzb=uz ven=ve vie=vi vol=vo "
    "wel=cy wln=wa wol=wo xho=xh yid=yi yor=yo zha=za zho=zh zul=zu "
)
SHORT = {pair[:3]: pair[4:] for pair in _SHORT.split()}


def canonical(tag: str) -> str | None:
    """The tag as it is usually written, `pt-BR` for `POR_br`; None if it is none."""
    found = TAG.fullmatch(tag.strip().replace("_", "-")) if len(tag) <= LONGEST else None
    if found is None or found["language"].lower() in UNKNOWN:
        return None
    first, *rest = found[0].lower().split("-")
    script, region = found["script"], found["region"]
    upper = region.lower() if region else None
    title = script.lower() if script else None
    words = [w.upper() if w == upper else w.title() if w == title else w for w in rest]
    return "-".join([SHORT.get(first, first), *words])
