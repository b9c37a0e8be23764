"""English names of languages by ISO-639-1 code, as `verbose_json` tells them: `english`, not `en`.

Source: ISO 639-1; the names, and which of several a language goes by, as in Whisper's table of languages.
"""

from __future__ import annotations

from typing import Final

UNKNOWN: Final = "unknown"
"""The name where nobody can tell the language."""

_TABLE: Final = (
    "af=afrikaans am=amharic ar=arabic as=assamese az=azerbaijani ba=bashkir be=belarusian bg=bulgarian bn=bengali bo=tibetan "
    "br=breton bs=bosnian ca=catalan cs=czech cy=welsh da=danish de=german el=greek en=english es=spanish et=estonian eu=basque "
    "fa=persian fi=finnish fo=faroese fr=french ga=irish gl=galician gu=gujarati ha=hausa he=hebrew hi=hindi hr=croatian "
    "hu=hungarian hy=armenian id=indonesian is=icelandic it=italian ja=japanese jw=javanese jv=javanese ka=georgian kk=kazakh "
    "km=khmer kn=kannada ko=korean la=latin lb=luxembourgish ln=lingala lo=lao lt=lithuanian lv=latvian mg=malagasy mi=maori "
    "mk=macedonian ml=malayalam mn=mongolian mr=marathi ms=malay mt=maltese my=myanmar ne=nepali nl=dutch nn=nynorsk "
    "no=norwegian oc=occitan pa=punjabi pl=polish ps=pashto pt=portuguese ro=romanian ru=russian sa=sanskrit sd=sindhi "
    "si=sinhala sk=slovak sl=slovenian sn=shona so=somali sq=albanian sr=serbian su=sundanese sv=swedish sw=swahili ta=tamil "
    "te=telugu tg=tajik th=thai tk=turkmen tl=tagalog tr=turkish tt=tatar uk=ukrainian ur=urdu uz=uzbek vi=vietnamese "
    "yi=yiddish yo=yoruba yue=cantonese zh=chinese"
)
_NAMES: Final = dict(pair.split("=") for pair in _TABLE.split())


def language_name(code: str) -> str:
    """Return a language's English name in lower case; the code itself where it has none, `unknown` where there is no code."""
    return _NAMES.get(code, code) or UNKNOWN
