// SPDX-License-Identifier: MPL-2.0
//! Sentences as they are written and as they are read.

use super::super::normalise;

const GOLDEN: [(&str, &str); 62] = [
    ("你好，世界！", "ni3 hao3, shi4 jie4!"),
    ("我们去银行。", "wo3 men5 qu4 yin2 hang2."),
    (
        "银行行长是我朋友",
        "yin2 hang2 hang2 zhang3 shi4 wo3 peng2 you5",
    ),
    ("他长大了", "ta1 zhang3 da4 le5"),
    ("这条河很长", "zhe4 tiao2 he2 hen3 chang2"),
    ("音乐让人快乐", "yin1 yue4 rang4 ren2 kuai4 le4"),
    ("我了解了", "wo3 liao3 jie3 le5"),
    ("重庆很重要", "chong2 qing4 hen3 zhong4 yao4"),
    ("首都北京", "shou3 du1 bei3 jing1"),
    ("我们都去", "wo3 men5 dou1 qu4"),
    ("还是还书？", "hai2 shi4 hai2 shu1?"),
    ("我觉得他在睡觉", "wo3 jue2 de5 ta1 zai4 shui4 jiao4"),
    ("很便宜", "hen3 pian2 yi5"),
    ("他的头发", "ta1 de5 tou2 fa5"),
    ("地铁在这个地方", "di4 tie3 zai4 zhe4 ge4 di4 fang5"),
    ("慢慢地走", "man4 man4 de5 zou3"),
    ("为什么？因为好奇", "wei4 shen2 me5? yin1 wei4 hao4 qi2"),
    ("一个人", "yi2 ge4 ren2"),
    ("一天", "yi4 tian1"),
    ("一年", "yi4 nian2"),
    ("一起走", "yi4 qi3 zou3"),
    ("一样", "yi2 yang4"),
    ("第一天", "di4 yi1 tian1"),
    ("统一", "tong3 yi1"),
    ("十一个", "shi2 yi1 ge4"),
    ("一二三", "yi1 er4 san1"),
    ("不是", "bu2 shi4"),
    ("不好", "bu4 hao3"),
    ("不来，不去", "bu4 lai2, bu2 qu4"),
    ("不", "bu4"),
    ("差不多", "cha4 bu5 duo1"),
    ("我不知道", "wo3 bu4 zhi1 dao4"),
    ("女儿吃绿苹果", "nü3 er2 chi1 lü4 ping2 guo3"),
    ("10", "shi2"),
    ("12个", "shi2 er4 ge4"),
    ("2个", "liang3 ge4"),
    ("22个", "er4 shi2 er4 ge4"),
    ("105人", "yi4 bai3 ling2 wu3 ren2"),
    ("110", "yi4 bai3 yi1 shi2"),
    ("1234", "yi4 qian1 er4 bai3 san1 shi2 si4"),
    ("10000元", "yi2 wan4 yuan2"),
    ("10,500", "yi2 wan4 ling2 wu3 bai3"),
    ("3亿", "san1 yi4"),
    ("3.14", "san1 dian3 yi1 si4"),
    ("50%", "bai3 fen1 zhi1 wu3 shi2"),
    ("¥5.5", "wu3 dian3 wu3 yuan2"),
    ("$100", "yi4 bai3 mei3 yuan2"),
    ("2024年5月3日", "er4 ling2 er4 si4 nian2 wu3 yue4 san1 ri4"),
    ("14:30", "shi2 si4 dian3 san1 shi2 fen1"),
    ("2:05", "liang3 dian3 ling2 wu3 fen1"),
    ("8:00", "ba1 dian3 zheng3"),
    ("5km", "wu3 gong1 li3"),
    ("20°C", "er4 shi2 she4 shi4 du4"),
    ("-5度", "fu4 wu3 du4"),
    ("10-20个", "shi2 dao4 er4 shi2 ge4"),
    (
        "13800138000",
        "yi1 san1 ba1 ling2 ling2 yi1 san1 ba1 ling2 ling2 ling2",
    ),
    ("007", "ling2 ling2 qi1"),
    ("我用[Python]写代码", "wo3 yong4 [Python] xie3 dai4 ma3"),
    ("打开 [GitHub]。", "da3 kai1 [GitHub.]"),
    ("太好了🎉！", "tai4 hao3 le5!"),
    ("“好吗？”他问。", "hao3 ma5? ta1 wen4."),
    ("妈妈、爸爸；谢谢…", "ma1 ma5, ba4 ba5, xie4 xie5."),
];

/// Letters with several readings, in words that lie side by side.
const POLYPHONES: [(&str, &str); 26] = [
    ("这个都市场上有", "zhe4 ge4 dou1 shi4 chang3 shang4 you3"),
    ("小心地道路很滑", "xiao3 xin1 de5 dao4 lu4 hen3 hua2"),
    ("大都市的会计", "da4 du1 shi4 de5 kuai4 ji4"),
    (
        "发展中国家的重新开始",
        "fa1 zhan3 zhong1 guo2 jia1 de5 chong2 xin1 kai1 shi3",
    ),
    ("音乐使人快乐", "yin1 yue4 shi3 ren2 kuai4 le4"),
    ("在银行前行走", "zai4 yin2 hang2 qian2 xing2 zou3"),
    (
        "重庆重要，重新来",
        "chong2 qing4 zhong4 yao4, chong2 xin1 lai2",
    ),
    ("长大的长度", "zhang3 da4 de5 chang2 du4"),
    ("了解了，好了", "liao3 jie3 le5, hao3 le5"),
    ("问题好了解决了", "wen4 ti2 hao3 le5 jie3 jue2 le5"),
    ("为了解决", "wei4 le5 jie3 jue2"),
    ("朝阳区", "chao2 yang2 qu1"),
    ("会计会计算", "kuai4 ji4 hui4 ji4 suan4"),
    ("唐朝", "tang2 chao2"),
    ("地道的味道", "di4 dao5 de5 wei4 dao4"),
    ("他诚恳地道歉", "ta1 cheng2 ken3 de5 dao4 qian4"),
    ("目的地的地址", "mu4 di4 di4 de5 di4 zhi3"),
    ("到了目的地", "dao4 le5 mu4 di4 di4"),
    ("数据的数量", "shu4 ju4 de5 shu4 liang4"),
    ("着急地睡着了", "zhao2 ji2 de5 shui4 zhao2 le5"),
    ("院长调查空调", "yuan4 zhang3 diao4 cha2 kong1 tiao2"),
    ("应该应用", "ying1 gai1 ying4 yong4"),
    ("放假的少年", "fang4 jia4 de5 shao4 nian2"),
    (
        "我以为他成为了主角",
        "wo3 yi3 wei2 ta1 cheng2 wei2 le5 zhu3 jue2",
    ),
    ("一切方便", "yi2 qie4 fang1 bian4"),
    ("归还西藏的宝藏", "gui1 huan2 xi1 zang4 de5 bao3 zang4"),
];

#[test]
fn sentences_are_read_as_people_read_them() {
    let mut wrong = Vec::new();
    for (text, expected) in GOLDEN.into_iter().chain(POLYPHONES) {
        // Foreign words stand in brackets here.
        let tokens = normalise(&text.replace(['[', ']'], ""), "zh");
        let words: Vec<_> = tokens
            .iter()
            .map(|t| {
                if t.foreign {
                    format!("[{}]", t.spoken)
                } else {
                    t.spoken.clone()
                }
            })
            .collect();
        let read = words.join(" ");
        if read != expected {
            wrong.push(format!("{text}\n  read: {read}\n  want: {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_syllable_stands_for_its_letter() {
    let text = "我2024年去了 New York，不错！";
    let tokens = normalise(text, "zh-CN");
    let written: Vec<_> = tokens.iter().map(|t| &text[t.source.clone()]).collect();
    assert_eq!(
        written,
        [
            "我", "2024", "2024", "2024", "2024", "年", "去", "了", "New", "York", "不", "错"
        ]
    );
}
